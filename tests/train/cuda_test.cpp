// A step recorded as a CUDA graph is the step asked for, and a GPU trains as a CPU does.
#include <torch/torch.h>

#include <cmath>
#include <cstring>

#include "train/cohort.h"
#include "train/stacked.h"
// last, as it says
#include "gpu.h"

using namespace vernier;

namespace {

const ShapeSpec kShape{.depth = 2, .width = 32, .heads = 2, .context = 32, .vocab = 64};
const TrainingSpec kTraining{.batch = 4,
                             .learning_rate = 0.01,
                             .warmup_tokens = 0,
                             .cooldown = 0.2,
                             .beta1 = 0.9,
                             .beta2 = 0.95,
                             .epsilon = 1e-8,
                             .weight_decay = 0.1,
                             .clip = 1};

/// Members of which one rounds to nearest, one draws on both ways, and one is not rounded.
std::vector<NumbersSpec> members() {
  std::vector<NumbersSpec> all(3);
  all[0].weights = all[1].weights = "int4/channel";
  all[0].activations = all[1].activations = "int8/tensor";
  all[1].gradients = "e4m3/token";
  all[1].rounding = "stochastic";
  return all;
}

struct Ran {
  at::Tensor weights_KP;
  std::vector<float> losses;
  bool recorded;
};

/// Twenty steps on a GPU in chunks of five.
Ran ran(bool records) {
  train::cuda::be_deterministic();
  const auto numbers = members();
  const auto rules = [numbers](std::int64_t step) {
    std::vector<model::Rules> all;
    for (const auto& one : numbers) all.push_back(model::rules_of(one, 3, false, step));
    return all;
  };
  const model::Layout layout = model::layout_of({}, kShape);
  const Recipe& recipe = recipe_named("2024-wsd");
  model::Transformer cohort{kShape, recipe.architecture, layout, model::cohort_numbers(numbers), rules(0), {}};
  train::Stacked stacked({std::move(cohort), kTraining, rules, 5, records}, 3, at::Device(at::kCUDA, 0));
  for (std::int64_t k = 0; k < 3; ++k)
    model::initialise(layout, recipe, {}, Stream(9).child("init"), stacked.weights_KP[k]);
  Ran result;
  at::manual_seed(1);
  for (std::int64_t first = 0; first < 20; first += 5) {
    const at::Tensor tokens = at::randint(0, kShape.vocab, {5, kTraining.batch, kShape.context + 1}, at::kLong);
    std::vector<train::cuda::Rates> rates;
    for (std::int64_t i = 0; i < 15; ++i) rates.push_back(train::rates_of(kTraining, 0.01, first + i / 3 + 1));
    stacked.run({first, tokens.to(at::kCUDA), rates});
    for (const auto& [loss, norm] : stacked.found()) result.losses.push_back(loss);
  }
  result.weights_KP = stacked.weights_KP.cpu();
  result.recorded = stacked.is_recorded();
  return result;
}

}  // namespace

TEST_CASE("a recorded step equals the step asked for anew, bit for bit, and draws anew", "[train][gpu]") {
  if (!has_device()) return;
  const Ran recorded = ran(true), asked = ran(false);
  CHECK(recorded.recorded);
  CHECK(!asked.recorded);
  CHECK(recorded.losses == asked.losses);
  CHECK(at::equal(recorded.weights_KP, asked.weights_KP));
}

TEST_CASE("training on a GPU gives the same bits every time", "[train][gpu]") {
  if (!has_device()) return;
  CHECK(at::equal(ran(true).weights_KP, ran(true).weights_KP));
}

TEST_CASE("a GPU trains as a CPU does, up to the order of sums", "[train][gpu]") {
  if (!has_device()) return;
  CorpusSpec corpus;
  corpus.oracle.vocab = kShape.vocab;
  train::CohortSpec spec{kShape, "2024-wsd", kTraining, {{{}, 0.01, 1}, {{}, 0.003, 2}}, 512, false};
  const auto curve_on = [&](at::Device device) {
    const train::CohortTrainer trainer(spec, data::open_corpus(corpus), device, 1);
    auto state = trainer.initial_state();
    const std::atomic<bool> stop = false;
    trainer.advance(state,
                    {40, [](const train::Member& m, std::int64_t) { return m.learning_rate; }, {true, true}, true, {}},
                    stop);
    return std::pair{state.members[0].curve.back().loss_train, trainer.evaluate(state, {true, true})[1]->loss};
  };
  const auto [cpu_train, cpu_held_out] = curve_on(at::kCPU);
  const auto [gpu_train, gpu_held_out] = curve_on(at::Device(at::kCUDA, 0));
  CHECK(std::abs(cpu_train - gpu_train) < 1e-3);
  CHECK(std::abs(cpu_held_out - gpu_held_out) < 1e-3);
}

TEST_CASE("the end of a step on a GPU gives the bits of a CPU", "[train][gpu]") {
  if (!has_device()) return;
  at::manual_seed(7);
  const std::int64_t size = 40000;
  const at::Tensor start = at::randn({4, 2, size}) * 0.03;
  const auto finished_on = [&](at::Device device) {
    at::Tensor all = start.clone();
    all[2].abs_();  // second moments
    all = all.to(device);
    const auto floats = all.options();
    const std::vector<train::cuda::Rates> rates(2, train::rates_of(kTraining, 0.01, 3));
    at::Tensor on_device = at::empty({2, 3});
    std::memcpy(on_device.data_ptr(), rates.data(), sizeof rates[0] * 2);
    on_device = on_device.to(device);
    const at::Tensor losses = at::ones({2}, floats), partials = at::zeros({2, 3}, floats.dtype(at::kDouble)),
                     factors = at::zeros({2}, floats), active = at::ones({2}, floats.dtype(at::kInt)),
                     found = at::zeros({2, 2}, floats), place = at::zeros({1}, floats.dtype(at::kLong));
    const auto part = [&](std::int64_t i) { return all[i].data_ptr<float>(); };
    train::finish_step(
        {part(0), part(1), part(2), part(3), 2, size, size / 2}, train::constants_of(kTraining),
        {place.data_ptr<std::int64_t>(), reinterpret_cast<train::cuda::Rates*>(on_device.data_ptr<float>()),
         losses.data_ptr<float>(), partials.data_ptr<double>(), factors.data_ptr<float>(),
         active.data_ptr<std::int32_t>(), reinterpret_cast<train::cuda::Found*>(found.data_ptr<float>())},
        device);
    return std::pair{all.cpu(), found.cpu()};
  };
  const auto cpu = finished_on(at::kCPU), cuda = finished_on(at::Device(at::kCUDA, 0));
  CHECK(at::equal(cpu.first, cuda.first));
  CHECK(at::equal(cpu.second, cuda.second));
}
