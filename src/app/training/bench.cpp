#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "app/verbs.h"
#include "record/archive.h"
#include "record/training.h"
#include "sweep/executor.h"
#include "train/cohort.h"

namespace vernier::app {

namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  ShapeSpec shape{.depth = 4, .width = 128, .heads = 4, .context = 256, .vocab = 512};
  std::int64_t batch = 16, members = 1, threads = 0, steps = 20;
  std::string weights = "fp32", activations = "fp32", kv = "fp32", recipe = "2024-wsd", device = "auto";
  bool json = false;
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

NumbersSpec numbers_of(const BenchOptions& o) {
  NumbersSpec numbers;
  numbers.weights = o.weights;
  numbers.activations = o.activations;
  numbers.kv = o.kv;
  return numbers;
}

train::CohortSpec cohort_of(const BenchOptions& o) {
  train::CohortSpec spec{o.shape, o.recipe, {}, {}, 0};
  spec.training = training_by(row_named("recipe", kRecipes, o.recipe), o.batch, 1e-3, 0);
  for (std::int64_t k = 0; k < o.members; ++k) spec.members.push_back({numbers_of(o), 1e-3, k + 1});
  return spec;
}

/// Seconds of each timed step, after a warm-up.
std::vector<double> step_seconds(const BenchOptions& o, const sweep::Machine& machine) {
  CorpusSpec corpus;
  corpus.oracle.vocab = o.shape.vocab;
  const std::atomic<bool> stop = false;
  const train::CohortTrainer trainer(cohort_of(o), data::open_corpus(corpus), machine.device, machine.threads);
  train::CohortState state = trainer.initial_state();
  const std::vector<bool> all(static_cast<std::size_t>(o.members), true);
  std::vector<double> seconds;
  constexpr std::int64_t kWarmUp = 3;
  for (std::int64_t i = 0; i < kWarmUp + o.steps; ++i) {
    const double time = seconds_of([&] {
      trainer.advance(
          state, {i + 1, [](const train::Member& m, std::int64_t) { return m.learning_rate; }, all, false, {}}, stop);
    });
    if (i >= kWarmUp) seconds.push_back(time);
  }
  return seconds;
}

/// Best rate of a large square fp32 product, the carrier of training [FLOP/s].
double matmul_peak(const sweep::Machine& machine) {
  constexpr std::int64_t kSide = 2048;
  at::set_num_threads(machine.threads);
  const at::Tensor a = at::randn({kSide, kSide}, at::TensorOptions().device(machine.device)), b = at::randn_like(a);
  double best = 1e30;
  for (int i = 0; i < 5; ++i) best = std::min(best, seconds_of([&] { at::mm(a, b)[0][0].item<float>(); }));
  return 2.0 * kSide * kSide * kSide / best;
}

void bench_train(const BenchOptions& o) {
  sweep::Machine machine = sweep::machine_named(o.device);
  if (o.threads > 0) machine.threads = static_cast<int>(o.threads);
  std::vector<double> seconds = step_seconds(o, machine);
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  const double rate = static_cast<double>(o.members * o.batch * o.shape.context) / median;
  const double speed = rate * training_flops_per_token(o.shape).total(), peak = matmul_peak(machine);
  if (!o.json) {
    fmt::print(
        "{:.0f} tokens/s over {} member(s), {:.1f} GFLOP/s, {:.1f} % of the {:.0f} GFLOP/s of a large fp32 product\n",
        rate, o.members, speed / 1e9, 100 * speed / peak, peak / 1e9);
    return;
  }
  const Json result = {{"tokens_per_second", rate},
                       {"step_seconds", {{"min", seconds.front()}, {"median", median}, {"max", seconds.back()}}},
                       {"n_non_embedding", parameters_of(o.shape).non_embedding()},
                       {"gflops", speed / 1e9},
                       {"peak_gflops", peak / 1e9},
                       {"share_of_peak", speed / peak},
                       {"carrier", quant::name_of(model::carrier_of(numbers_of(o), false, machine.device.is_cpu()))},
                       {"device", machine.device.str()},
                       {"threads", machine.threads}};
  std::cout << result.dump() << '\n';
}

}  // namespace

void add_bench(CLI::App& program) {
  CLI::App* bench = program.add_subcommand("bench", "speed of this machine");
  bench->require_subcommand(1);
  add_bench_quantize(*bench);
  const auto o = std::make_shared<BenchOptions>();
  CLI::App* verb = bench->add_subcommand("train", "training steps, against a large matrix product");
  verb->add_option("--depth", o->shape.depth)->check(CLI::PositiveNumber);
  verb->add_option("--width", o->shape.width)->check(CLI::PositiveNumber);
  verb->add_option("--heads", o->shape.heads)->check(CLI::PositiveNumber);
  verb->add_option("--vocab", o->shape.vocab)->check(CLI::Range(2, 65536));
  verb->add_option("--context", o->shape.context)->check(CLI::PositiveNumber);
  verb->add_option("--batch", o->batch)->check(CLI::PositiveNumber);
  verb->add_option("--members", o->members)->check(CLI::PositiveNumber);
  verb->add_option("--threads", o->threads)->check(CLI::NonNegativeNumber);
  verb->add_option("--steps", o->steps)->check(CLI::PositiveNumber);
  verb->add_option("--weights", o->weights);
  verb->add_option("--activations", o->activations);
  verb->add_option("--kv", o->kv);
  verb->add_option("--recipe", o->recipe);
  verb->add_option("--device", o->device);
  verb->add_flag("--json", o->json);
  verb->callback([o] {
    if (o->shape.width % (2 * o->shape.heads) != 0)
      throw Error(fmt::format("--heads: {}; expected a number that divides the width {} into even parts",
                              o->shape.heads, o->shape.width));
    bench_train(*o);
  });
}

}  // namespace vernier::app
