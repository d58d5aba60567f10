#include "model/linear.h"

#include <torch/torch.h>

#include "catch.h"
#include "quant/quantize.h"

using namespace vernier;

namespace {

model::LinearNumbers numbers(const std::string& weight, const std::string& activation,
                             const std::string& gradient = "fp32") {
  return {{parse_number(weight)}, {parse_number(activation)}, {parse_number(gradient)}};
}

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
    const auto y = model::rounded_linear(x, w, n);
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
  CHECK(at::equal(model::rounded_linear(x, w, n)[0], exact));
}

TEST_CASE("a rounded gradient enters both backward products", "[model][fast]") {
  const auto n = numbers("fp32", "fp32", "int4/tensor");
  auto x = at::randn({1, 10, 8}).requires_grad_(), w = at::randn({1, 6, 8}).requires_grad_();
  const auto g = at::randn({1, 10, 6});
  model::rounded_linear(x, w, n).backward(g);
  const auto rounded = quant::fake_quantized(g[0], n.gradients[0]);
  CHECK(largest(x.grad()[0] - at::mm(rounded, w.detach()[0])) < 1e-5);
  CHECK(largest(w.grad()[0] - at::mm(rounded.t(), x.detach()[0])) < 1e-5);
}

TEST_CASE("members of a cohort are rounded each on its own grid", "[model][fast]") {
  const auto x = at::randn({2, 10, 16}), w = at::randn({2, 6, 16});
  model::LinearNumbers both{{parse_number("int3/channel"), parse_number("e4m3/tensor")},
                            {parse_number("int4/tensor"), parse_number("fp32")},
                            {parse_number("fp32"), parse_number("fp32")}};
  const auto y = model::rounded_linear(x, w, both);
  CHECK(at::equal(
      y[0], model::rounded_linear(x.narrow(0, 0, 1), w.narrow(0, 0, 1), numbers("int3/channel", "int4/tensor"))[0]));
  CHECK(
      at::equal(y[1], model::rounded_linear(x.narrow(0, 1, 1), w.narrow(0, 1, 1), numbers("e4m3/tensor", "fp32"))[0]));
}
