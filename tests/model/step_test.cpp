#include "model/cpu/step.h"

#include <torch/torch.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "model/transformer.h"
#include "record/footprint.h"

#include "catch.h"

using namespace vernier;

namespace {
/// Larger pieces that this program and its libraries asked of operator new; the block kernel inside ATen makes a small
/// key to find its code, in every call.
std::atomic<std::int64_t> news = 0;
constexpr std::size_t kKey = 256;  // bytes
}  // namespace

void* operator new(std::size_t size) {
  news += size > kKey;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr ShapeSpec kShape{.depth = 2, .width = 32, .heads = 2, .context = 40, .vocab = 48};
constexpr std::int64_t kBatch = 4;

struct Sample {
  at::Tensor weights_P, tokens_BT1;
};

Sample sample() {
  at::manual_seed(3);
  const auto layout = model::layout_of({}, kShape);
  const at::Tensor weights = at::empty({layout.size});
  model::initialise(layout, recipe_named("2024-wsd"), {}, Stream(1), weights);
  return {weights, at::randint(0, kShape.vocab, {kBatch, kShape.context + 1}, at::kLong)};
}

struct Result {
  double loss = 0;
  at::Tensor gradient_P;
};

model::cpu::StepAsked asked(const NumbersSpec& numbers) {
  model::cpu::StepAsked asked;
  asked.shape = kShape;
  asked.numbers = numbers;
  asked.batch = kBatch;
  return asked;
}

Result fused(const model::cpu::StepAsked& asked, const Sample& s, std::int64_t step = 3) {
  model::cpu::Workspace workspace;
  model::cpu::Step fused(asked, workspace);
  Result result{0, at::full_like(s.weights_P, NAN)};
  const model::Rules rules = model::rules_of(asked.numbers, 7, asked.exact, step);
  for (int times = 0; times < 2; ++times)  // what the first call leaves behind must not be seen
    result.loss = fused.train(rules, s.weights_P.const_data_ptr<float>(), s.tokens_BT1.const_data_ptr<std::int64_t>(),
                              result.gradient_P.data_ptr<float>());
  return result;
}

Result composed(const model::cpu::StepAsked& asked, const Sample& s, std::int64_t step = 3) {
  const auto layout = model::layout_of({}, asked.shape, asked.numbers);
  const at::Tensor weights = s.weights_P.clone().requires_grad_();
  Architecture architecture;
  architecture.qk_norm = asked.qk_norm;
  const model::Transformer cohort{asked.shape,
                                  architecture,
                                  layout,
                                  model::cohort_numbers({asked.numbers}),
                                  {model::rules_of(asked.numbers, 7, asked.exact, step)},
                                  model::views_of(layout, weights.unsqueeze(0))};
  const at::Tensor loss = model::row_losses(cohort, s.tokens_BT1).mean();
  loss.backward();
  return {loss.item<double>(), weights.grad()};
}

double relative(const at::Tensor& a, const at::Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

}  // namespace

TEST_CASE("the fused step gives the loss and the gradient of the composed transformer", "[model][fast]") {
  const Sample s = sample();
  const auto close = [&](const model::cpu::StepAsked& asked, double tolerance) {
    const Result a = fused(asked, s), b = composed(asked, s);
    CAPTURE(asked.numbers.weights, asked.numbers.activations, asked.numbers.kv, a.loss, b.loss);
    CHECK(std::abs(a.loss - b.loss) < tolerance);
    CHECK(relative(a.gradient_P, b.gradient_P) < 3 * tolerance);
  };
  close(asked({}), 1e-5);
  model::cpu::StepAsked no_norm = asked({});
  no_norm.qk_norm = false;
  close(no_norm, 1e-5);
  // A value that falls on the other side of a midpoint moves by a whole step of its grid: a difference of summation can
  // show at the size of a few such values among many.
  for (const char* weights : {"fp32", "int4/channel", "e4m3/tensor", "e2m1/block16:e8m0", "int12/channel"})
    for (const char* activations :
         {"fp32", "int8/tensor", "e4m3/token", "bf16", "int8/tensor:rms", "e2m1/block16:e4m3"})
      close(asked({.weights = weights, .activations = activations}), 3e-3);
  for (const char* kv : {"int8/tensor", "int4/token", "e4m3/tensor:mse", "bf16"}) close(asked({.kv = kv}), 3e-3);
  close(asked({.embedding = "int6/channel", .head = "int6/channel"}), 1e-4);
}

TEST_CASE("the fused step's bits depend on neither threads nor recomputation", "[model][fast]") {
  const Sample s = sample();
  model::cpu::StepAsked a =
      asked({.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor", .rounding = "stochastic"});
  at::set_num_threads(1);
  const Result alone = fused(a, s);
  at::set_num_threads(2);
  const Result shared = fused(a, s);
  a.recompute = true;
  const Result again = fused(a, s);
  CHECK(alone.loss == shared.loss);
  CHECK(at::equal(alone.gradient_P, shared.gradient_P));
  CHECK(alone.loss == again.loss);
  CHECK(at::equal(alone.gradient_P, again.gradient_P));
}

TEST_CASE("three bf16 parts carry a gradient as well as fp32 does", "[model][fast]") {
  const Sample s = sample();
  model::cpu::StepAsked a = asked({.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"});
  if (!model::cpu::has_bf16_products()) return;
  a.three_parts = false;
  const Result whole = fused(a, s);
  a.three_parts = true;
  const Result parts = fused(a, s);
  CHECK(whole.loss == parts.loss);
  CHECK(relative(parts.gradient_P, whole.gradient_P) < 1e-6);
}

TEST_CASE("a step that cannot train gives the same losses", "[model][fast]") {
  const Sample s = sample();
  model::cpu::StepAsked a = asked({.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"});
  const double loss = fused(a, s).loss;
  a.backward = false;
  model::cpu::Workspace workspace;
  model::cpu::Step step(a, workspace);
  const float* losses = step.losses(model::rules_of(a.numbers, 7, false, 3), s.weights_P.const_data_ptr<float>(),
                                    s.tokens_BT1.const_data_ptr<std::int64_t>(), kBatch);
  double sum = 0;
  for (std::int64_t r = 0; r < kBatch * kShape.context; ++r) sum += static_cast<double>(losses[r]);
  CHECK(sum / static_cast<double>(kBatch * kShape.context) == loss);
}

TEST_CASE("the memory that a plan states for a step is what the fused step takes", "[model][fast]") {
  for (const char* weights : {"fp32", "int4/channel", "int12/channel"})
    for (const char* kv : {"fp32", "int8/tensor"})
      for (const bool recompute : {false, true}) {
        model::cpu::StepAsked a = asked({.weights = weights, .activations = "int8/tensor", .kv = kv});
        a.shape = {.depth = 3, .width = 64, .heads = 4, .context = 128, .vocab = 512};
        a.batch = 8;
        a.recompute = recompute;
        a.three_parts = false;
        const auto taken = static_cast<double>(model::cpu::Step::bytes(a));
        const auto stated = static_cast<double>(step_bytes({}, a.shape, a.batch, a.numbers, a.exact, recompute));
        CAPTURE(weights, kv, recompute, taken, stated);
        CHECK(std::abs(stated / taken - 1) < 0.02);
      }
}

TEST_CASE("a step allocates no buffer once it has been done", "[model][fast]") {
  const Sample s = sample();
  at::set_num_threads(1);
  model::cpu::StepAsked a = asked({.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"});
  model::cpu::Workspace workspace;
  model::cpu::Step step(a, workspace);
  const model::Rules rules = model::rules_of(a.numbers, 7, false, 3);
  at::Tensor gradient = at::empty_like(s.weights_P);
  const auto one = [&] {
    step.train(rules, s.weights_P.const_data_ptr<float>(), s.tokens_BT1.const_data_ptr<std::int64_t>(),
               gradient.data_ptr<float>());
  };
  one();
  const std::int64_t before = news;
  one();
  CHECK(news == before);
}
