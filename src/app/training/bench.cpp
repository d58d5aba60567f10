#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <iostream>

#include "app/training/step_timer.h"
#include "app/training/timing.h"
#include "app/verbs.h"
#include "model/rounding.h"
#include "record/archive.h"
#include "record/recipe.h"

namespace vernier::app {

namespace {

constexpr double kSecondsOfPeak = 0.8;

struct BenchOptions {
  StepsAsked asked{.shape = {.depth = 4, .width = 128, .heads = 4, .context = 256, .vocab = 512}};
  std::int64_t threads = 0, steps = 20;
  std::string device = "auto";
  bool json = false;
};

/// Seconds of each timed step, after a warm-up, ascending.
std::vector<double> step_seconds(const BenchOptions& o, const sweep::Machine& machine) {
  constexpr int kWarmUp = 3;
  StepTimer timer(o.asked, machine);
  for (int i = 0; i < kWarmUp; ++i) timer.next();
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < o.steps; ++i) seconds.push_back(timer.next());
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

void bench_train(const BenchOptions& o) {
  sweep::Machine machine = sweep::machine_named(o.device);
  if (o.threads > 0) machine.threads = static_cast<int>(o.threads);
  const StepsAsked& asked = o.asked;
  const std::vector<double> seconds = step_seconds(o, machine);
  const double middle = median(seconds);
  const double rate = static_cast<double>(asked.members * asked.batch * asked.shape.context) / middle;
  const Architecture& architecture = architecture_of(asked.recipe);
  const double speed = rate * training_flops_per_token(architecture, asked.shape).total(),
               peak = sweep::matmul_peak(machine, kSecondsOfPeak);
  const std::string_view carrier =
      quant::name_of(model::carrier_of(asked.numbers, asked.exact, machine.device.is_cpu()));
  if (!o.json) {
    fmt::print("{:.0f} tokens/s over {} member(s), {:.1f} GFLOP/s, {:.1f} % of the {:.0f} GFLOP/s of a large product\n",
               rate, asked.members, speed / 1e9, 100 * speed / peak, peak / 1e9);
    return;
  }
  const Json result = {{"tokens_per_second", rate},
                       {"step_seconds", {{"min", seconds.front()}, {"median", middle}, {"max", seconds.back()}}},
                       {"n_non_embedding", parameters_of(architecture, asked.shape).non_embedding()},
                       {"gflops", speed / 1e9},
                       {"peak_gflops", peak / 1e9},
                       {"share_of_peak", speed / peak},
                       {"carrier", carrier},
                       {"device", machine.device.str()},
                       {"threads", machine.threads}};
  std::cout << result.dump() << '\n';
}

}  // namespace

void add_bench(CLI::App& program) {
  CLI::App* bench = program.add_subcommand("bench", "speed of this machine");
  bench->require_subcommand(1);
  add_bench_fit(*bench);
  add_bench_quantize(*bench);
  add_bench_carrier(*bench);
  const auto o = std::make_shared<BenchOptions>();
  CLI::App* verb = bench->add_subcommand("train", "training steps, against a large matrix product");
  verb->add_option("--depth", o->asked.shape.depth)->check(CLI::PositiveNumber);
  verb->add_option("--width", o->asked.shape.width)->check(CLI::PositiveNumber);
  verb->add_option("--heads", o->asked.shape.heads)->check(CLI::PositiveNumber);
  verb->add_option("--vocab", o->asked.shape.vocab)->check(CLI::Range(2, 65536));
  verb->add_option("--context", o->asked.shape.context)->check(CLI::PositiveNumber);
  verb->add_option("--batch", o->asked.batch)->check(CLI::PositiveNumber);
  verb->add_option("--members", o->asked.members)->check(CLI::PositiveNumber);
  verb->add_option("--threads", o->threads)->check(CLI::NonNegativeNumber);
  verb->add_option("--steps", o->steps)->check(CLI::PositiveNumber);
  verb->add_option("--weights", o->asked.numbers.weights);
  verb->add_option("--activations", o->asked.numbers.activations);
  verb->add_option("--kv", o->asked.numbers.kv);
  verb->add_flag("--exact", o->asked.exact, "fp32 carriers throughout");
  verb->add_option("--recipe", o->asked.recipe);
  verb->add_option("--device", o->device);
  verb->add_flag("--json", o->json);
  verb->callback([o] {
    const bool turns = architecture_of(o->asked.recipe).positions == Positions::Rotary;
    if (o->asked.shape.width % ((turns ? 2 : 1) * o->asked.shape.heads) != 0)
      throw Error(fmt::format("--heads: {}; expected a number that divides the width {} into {} parts",
                              o->asked.shape.heads, o->asked.shape.width, turns ? "even" : "equal"));
    bench_train(*o);
  });
}

}  // namespace vernier::app
