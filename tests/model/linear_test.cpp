#include "model/linear.h"

#include <torch/torch.h>

#include <array>
#include <cmath>

#include "catch.h"
#include "quant/estimator.h"
#include "quant/quantize.h"

using namespace vernier;

namespace {

model::LinearNumbers numbers(const std::string& weight, const std::string& activation,
                             const std::string& input_gradient = "fp32", const std::string& weight_gradient = "fp32") {
  return {{parse_number(weight)},
          {parse_number(activation)},
          {parse_number(input_gradient)},
          {parse_number(weight_gradient)}};
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& w, const model::LinearNumbers& n,
                  const std::vector<model::Rules>& rules) {
  return model::rounded_linear(x, w, n, rules, "matrix");
}

const std::vector<model::Rules> kPlain{{}};

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

}  // namespace

TEST_CASE("a rounded product is the product of the rounded operands, and so are its gradients", "[model][fast]") {
  at::manual_seed(2);
  for (const auto& [weight, activation] :
       std::vector<std::pair<std::string, std::string>>{{"int4/channel", "int8/tensor"},
                                                        {"int3/tensor", "e4m3/token"},
                                                        {"e2m1/block32:e8m0", "fp32"},
                                                        {"bf16", "bf16"},
                                                        {"fp32", "int4/token"}}) {
    const auto n = numbers(weight, activation);
    auto x = at::randn({1, 40, 64}).requires_grad_(), w = at::randn({1, 24, 64}).requires_grad_();
    const auto y = linear(x, w, n, kPlain);
    const auto g = at::randn_like(y);
    y.backward(g);
    const auto rounded_x = quant::fake_quantized(x.detach()[0], n.activations[0]);
    const auto rounded_w = quant::fake_quantized(w.detach()[0], n.weights[0]);
    INFO(weight << " " << activation);
    CHECK(largest(y.detach()[0] - at::mm(rounded_x, rounded_w.t())) < 2e-4);
    CHECK(largest(x.grad()[0] - at::mm(g[0], rounded_w)) < 2e-4);
    CHECK(largest(w.grad()[0] - at::mm(g[0].t(), rounded_x)) < 2e-4);
  }
}

TEST_CASE("small integers multiply without any error", "[model][fast]") {
  const auto n = numbers("int4/tensor", "int8/tensor");
  auto x = at::randint(-127, 128, {1, 30, 50}).to(at::kFloat), w = at::randint(-7, 8, {1, 20, 50}).to(at::kFloat);
  x[0][0][0] = 127;  // absmax = largest makes every scale 1
  w[0][0][0] = 7;
  const auto exact = at::matmul(x[0].to(at::kLong), w[0].to(at::kLong).t()).to(at::kFloat);
  CHECK(at::equal(linear(x, w, n, kPlain)[0], exact));
}

TEST_CASE("a rounded gradient enters both backward products", "[model][fast]") {
  const auto n = numbers("fp32", "fp32", "int4/tensor", "int4/tensor");
  auto x = at::randn({1, 10, 8}).requires_grad_(), w = at::randn({1, 6, 8}).requires_grad_();
  const auto g = at::randn({1, 10, 6});
  linear(x, w, n, kPlain).backward(g);
  const auto rounded = quant::fake_quantized(g[0], n.input_gradients[0]);
  CHECK(largest(x.grad()[0] - at::mm(rounded, w.detach()[0])) < 1e-5);
  CHECK(largest(w.grad()[0] - at::mm(rounded.t(), x.detach()[0])) < 1e-5);
}

TEST_CASE("members of a cohort are rounded each on its own grid", "[model][fast]") {
  const auto x = at::randn({2, 10, 16}), w = at::randn({2, 6, 16});
  model::LinearNumbers both{{parse_number("int3/channel"), parse_number("e4m3/tensor")},
                            {parse_number("int4/tensor"), parse_number("fp32")},
                            {parse_number("fp32"), parse_number("fp32")},
                            {parse_number("fp32"), parse_number("fp32")}};
  const std::vector<model::Rules> rules(2);
  const auto y = linear(x, w, both, rules);
  const auto first = numbers("int3/channel", "int4/tensor"), second = numbers("e4m3/tensor", "fp32");
  CHECK(at::equal(y[0], linear(x.narrow(0, 0, 1), w.narrow(0, 0, 1), first, kPlain)[0]));
  CHECK(at::equal(y[1], linear(x.narrow(0, 1, 1), w.narrow(0, 1, 1), second, kPlain)[0]));
}

TEST_CASE("both backward products round the gradient on their own, along the axis that they contract",
          "[model][fast]") {
  const auto n = numbers("fp32", "fp32", "int4/block4", "e2m1/token");
  auto x = at::randn({1, 10, 8}).requires_grad_(), w = at::randn({1, 6, 8}).requires_grad_();
  const auto g = at::randn({1, 10, 6});
  linear(x, w, n, kPlain).backward(g);
  const auto for_inputs = quant::fake_quantized(g[0], n.input_gradients[0]);                     // blocks of outputs
  const auto for_weights = quant::fake_quantized(g[0].t().contiguous(), n.weight_gradients[0]);  // a scale per output
  CHECK(largest(x.grad()[0] - at::mm(for_inputs, w.detach()[0])) < 1e-5);
  CHECK(largest(w.grad()[0] - at::mm(for_weights, x.detach()[0])) < 1e-5);
}

TEST_CASE("a rotation leaves an almost unrounded product, and its gradients, as they were", "[model][fast]") {
  std::vector<model::Rules> turned(1);
  turned[0].rotation = 16;
  turned[0].signs = Stream(3);
  const auto g = at::randn({1, 32, 48});
  const auto compare = [&](const model::LinearNumbers& n, double bound) {
    auto x = at::randn({1, 32, 64}).requires_grad_(), w = at::randn({1, 48, 64}).requires_grad_();
    const auto y = linear(x, w, n, turned);
    y.backward(g);
    CHECK(largest(y.detach()[0] - at::mm(x.detach()[0], w.detach()[0].t())) < bound);
    CHECK(largest(x.grad()[0] - at::mm(g[0], w.detach()[0])) < bound);
    CHECK(largest(w.grad()[0] - at::mm(g[0].t(), x.detach()[0])) < bound);
  };
  compare(numbers("int16/tensor", "int16/tensor"), 0.02);
  compare(numbers("int16/tensor", "int16/tensor", "int16/token", "int16/tensor"), 0.02);
}

TEST_CASE("a rotation spreads an outlier over its block, and less is lost to rounding", "[model][fast]") {
  auto x = at::randn({1, 64, 64}), w = at::randn({1, 32, 64});
  x.select(2, 5).mul_(40);  // a channel of outliers, as trained transformers have
  w.select(2, 5).mul_(0.02);
  std::vector<model::Rules> turned(1);
  turned[0].rotation = 64;
  const auto n = numbers("fp32", "int4/token");
  const auto exact = at::mm(x[0], w[0].t());
  const double straight = (linear(x, w, n, kPlain)[0] - exact).norm().item<double>();
  CHECK((linear(x, w, n, turned)[0] - exact).norm().item<double>() < 0.5 * straight);
}

TEST_CASE("estimators drop the gradient of what was cut off, each in its own interval", "[model][fast]") {
  const auto x =
      at::tensor({-9.0F, -8.3F, -8.0F, 0.2F, 7.0F, 7.4F, 7.6F, 20.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F})
          .view({1, 16});
  const Number number = parse_number("int4/tensor");
  const auto g = at::ones({1, 16}), one = at::ones({1});
  const auto passes = [&](Estimator estimator) {
    const auto passed = quant::passed(g, x, one, number, estimator);
    return std::vector<float>(passed.data_ptr<float>(), passed.data_ptr<float>() + 8);
  };
  CHECK(passes(Estimator::Identity) == std::vector<float>{1, 1, 1, 1, 1, 1, 1, 1});
  CHECK(passes(Estimator::Clipped) == std::vector<float>{0, 0, 1, 1, 1, 0, 0, 0});
  CHECK(passes(Estimator::Lsq) == passes(Estimator::Clipped));
  CHECK(passes(Estimator::Trust) == std::vector<float>{0, 1, 1, 1, 1, 1, 0, 0});
}

TEST_CASE("trust passes exactly what moved by no more than half of the widest step", "[model][fast]") {
  for (const auto* text : {"int3/channel:rms", "e2m1/channel:rms", "ternary/channel:rms", "e4m3/channel:rms"}) {
    const Number number = parse_number(text);
    const auto x = at::randn({8, 300}) * 3, g = at::randn({8, 300});
    const auto on_grid = quant::onto_grid(x, number);
    const auto y = x / on_grid.scale;
    const auto near = (y - on_grid.grid).abs() <= widest_step(number.format) / 2;
    CHECK(at::equal(quant::passed(g, x, on_grid.scale, number, Estimator::Trust), g * near));
  }
}

TEST_CASE("the gradient of a learned scale is that of its formula", "[model][fast]") {
  const Number number = parse_number("int3/channel:lsq");
  const auto x = at::randn({2, 40}), g = at::randn({2, 40}), scale = at::tensor({0.3F, 0.6F}).view({2, 1});
  const auto got = quant::log_scale_gradient(g, x, scale, number);
  for (std::int64_t row = 0; row < 2; ++row) {
    const double s = scale[row].item<float>();
    double sum = 0;
    for (std::int64_t i = 0; i < 40; ++i) {
      const double y = x[row][i].item<float>() / s, q = std::clamp(std::nearbyint(y), -4.0, 3.0);
      sum += g[row][i].item<float>() * (y < -4 || y > 3 ? q : q - y);
    }
    CHECK(std::abs(got[row].item<float>() - s * sum / std::sqrt(40 * 3.0)) < 1e-5);
  }
}

TEST_CASE("an operand that is cut off passes no gradient through a product", "[model][fast]") {
  const auto n = numbers("int4/channel:rms", "int4/tensor:rms");
  std::vector<model::Rules> clipped(1);
  clipped[0].estimator = Estimator::Clipped;
  auto x = at::randn({1, 20, 32}).requires_grad_(), w = at::randn({1, 12, 32}).requires_grad_();
  const auto g = at::randn({1, 20, 12});
  linear(x, w, n, clipped).backward(g);
  const auto on_x = quant::onto_grid(x.detach()[0], n.activations[0]),
             on_w = quant::onto_grid(w.detach()[0], n.weights[0]);
  const auto inside = [](const at::Tensor& y) { return (y >= -8).logical_and(y <= 7); };
  CHECK(at::equal(x.grad()[0] == 0, inside(x.detach()[0] / on_x.scale).logical_not()));
  CHECK(at::equal(w.grad()[0] == 0, inside(w.detach()[0] / on_w.scale).logical_not()));
}

TEST_CASE("estimators know the scales of blocks, found or learned", "[model][fast]") {
  const auto g = at::randn({1, 20, 12});
  for (const auto* weight : {"int3/block8:rms", "e2m1/block16:e8m0", "int3/block8:lsq", "int3/channel:lsq"}) {
    const auto n = numbers(weight, "fp32");
    std::vector<model::Rules> rules(1);
    rules[0].estimator = Estimator::Lsq;
    auto x = at::randn({1, 20, 32}), w = at::randn({1, 12, 32}).requires_grad_();
    const bool learns = n.weights[0].scale == Scale::Lsq;
    const auto scale = quant::scales_of(w.detach()[0], n.weights[0]) * (learns ? 0.5 : 1);  // so that some are cut off
    auto log_scale = learns ? scale.flatten().log().unsqueeze(0).requires_grad_() : at::Tensor();
    model::rounded_linear(x, w, n, rules, "matrix", {log_scale, {}}).backward(g);
    const auto y = w.detach()[0] / quant::scale_per_element({w.detach()[0], scale}, n.weights[0]);
    const auto inside = (y >= n.weights[0].format.lowest).logical_and(y <= n.weights[0].format.largest);
    INFO(weight);
    CHECK(inside.logical_not().any().item<bool>());
    CHECK(largest(w.grad()[0] - at::mm(g[0].t(), x[0]) * inside) < 1e-4);
    if (!learns) continue;
    const auto expected = quant::log_scale_gradient(at::mm(g[0].t(), x[0]), w.detach()[0], scale, n.weights[0]);
    CHECK(largest(log_scale.grad()[0] - expected.flatten()) < 1e-3);
  }
}

TEST_CASE("stochastic rounding of a product depends on seed, step and tensor", "[model][fast]") {
  const auto n = numbers("int3/channel", "int3/token", "int3/token", "int3/token");
  NumbersSpec spec;
  spec.rounding = "stochastic";
  const auto x = at::randn({1, 20, 32}), w = at::randn({1, 12, 32});
  const auto at_step = [&](std::int64_t seed, std::int64_t step, const char* name) {
    return model::rounded_linear(x, w, n, {model::rules_of(spec, seed, false, step)}, name);
  };
  const auto y = at_step(1, 4, "a");
  CHECK(at::equal(y, at_step(1, 4, "a")));
  CHECK_FALSE(at::equal(y, at_step(2, 4, "a")));
  CHECK_FALSE(at::equal(y, at_step(1, 5, "a")));
  CHECK_FALSE(at::equal(y, at_step(1, 4, "b")));
  const std::vector<model::Rules> evaluation{model::rules_of_evaluation(spec, 1, false)};
  CHECK(at::equal(model::rounded_linear(x, w, n, evaluation, "a"), linear(x, w, n, kPlain)));
}

TEST_CASE("members multiplied at once give what each gives alone, bit for bit", "[model][fast]") {
  const auto cohort = [](const std::vector<std::array<std::string, 4>>& members) {
    model::LinearNumbers n;
    for (const auto& [weight, activation, input_gradient, weight_gradient] : members) {
      n.weights.push_back(parse_number(weight));
      n.activations.push_back(parse_number(activation));
      n.input_gradients.push_back(parse_number(input_gradient));
      n.weight_gradients.push_back(parse_number(weight_gradient));
    }
    return n;
  };
  const std::vector<std::vector<std::array<std::string, 4>>> cohorts{
      {{"int4/channel", "int8/tensor", "fp32", "fp32"}, {"e4m3/channel", "int4/tensor", "fp32", "fp32"}},
      {{"int4/tensor", "int8/token", "e4m3/token", "int8/tensor"},
       {"int3/tensor", "int4/token", "e5m2/token", "int4/tensor"}},
      {{"bf16", "bf16", "bf16", "bf16"}, {"e4m3", "e5m2", "bf16", "e4m3"}},
      {{"e2m1/block32:e8m0", "int8/tensor", "fp32", "fp32"}, {"fp32", "int4/tensor", "fp32", "e2m1/block16:e4m3"}},
      {{"int12/channel", "int12/token", "fp32", "fp32"}, {"fp16", "int12/token", "fp32", "fp32"}}};  // not alike
  at::manual_seed(11);
  for (const auto& members : cohorts)
    for (const Rounding rounding : {Rounding::Nearest, Rounding::Stochastic}) {
      model::Rules rules;
      rules.forward = rules.backward = rounding;
      std::vector<model::Rules> all{rules, rules};
      all[1].draws = Stream(5);
      auto x = at::randn({2, 40, 64}).requires_grad_(), w = at::randn({2, 24, 64}).requires_grad_();
      const auto g = at::randn({2, 40, 24}), y = linear(x, w, cohort(members), all);
      y.backward(g);
      for (const std::int64_t k : {0, 1}) {
        const auto member = static_cast<std::size_t>(k);
        auto own_x = x.detach().narrow(0, k, 1).clone().requires_grad_(),
             own_w = w.detach().narrow(0, k, 1).clone().requires_grad_();
        const auto n = cohort({members[member]});
        const std::vector<model::Rules> own{all[member]};
        const auto own_y = linear(own_x, own_w, n, own);
        own_y.backward(g.narrow(0, k, 1));
        INFO(members[member][0] << " " << members[member][1]);
        CHECK(at::equal(y.detach()[k], own_y.detach()[0]));
        CHECK(at::equal(x.grad()[k], own_x.grad()[0]));
        CHECK(at::equal(w.grad()[k], own_w.grad()[0]));
      }
    }
}
