#include "model/operations.h"

#include <torch/torch.h>

#include <cmath>

#include "catch.h"

using namespace vernier;

namespace {

/// Largest difference of a value and of all input gradients between two ways to compute the same.
template <class A, class B>
double difference(const A& fused, const B& composed, const std::vector<at::Tensor>& inputs) {
  const auto run = [&](const auto& operation) {
    std::vector<at::Tensor> leaves;
    for (const auto& x : inputs) leaves.push_back(x.detach().clone().requires_grad_());
    const at::Tensor y = operation(leaves);
    const at::Tensor weight =
        at::sin(at::arange(y.numel(), at::kFloat)).view(y.sizes());  // a gradient without symmetry
    (y * weight).sum().backward();
    std::vector<at::Tensor> results{y.detach()};
    for (const auto& leaf : leaves) results.push_back(leaf.grad());
    return results;
  };
  const auto a = run(fused), b = run(composed);
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, (a[i] - b[i]).abs().max().template item<double>());
  return largest;
}

}  // namespace

TEST_CASE("fused operations equal their ATen compositions, forward and backward", "[model][fast]") {
  at::manual_seed(1);
  using Inputs = std::vector<at::Tensor>;
  const auto x = at::randn({2, 300, 24}), gain = at::rand({2, 24}) + 0.5;
  CHECK(difference([](const Inputs& in) { return model::rms_norm(in[0], in[1]); },
                   [](const Inputs& in) { return model::composed::rms_norm(in[0], in[1]); }, {x, gain}) < 5e-5);
  CHECK(difference([](const Inputs& in) { return model::swiglu(in[0]); },
                   [](const Inputs& in) { return model::composed::swiglu(in[0]); },
                   {at::randn({2, 300, 2 * 37})}) < 2e-6);
  const model::HeadShape shape{3, 10, 2, 8};
  for (const bool qk_norm : {true, false}) {
    const auto joined = [](const model::Heads& h) { return at::stack({h.q_KBHTD, h.k_KBHTD, h.v_KBHTD}); };
    CHECK(difference([&](const Inputs& in) { return joined(model::rotated_heads(in[0], shape, qk_norm)); },
                     [&](const Inputs& in) { return joined(model::composed::rotated_heads(in[0], shape, qk_norm)); },
                     {at::randn({2, 30, 48})}) < 5e-6);
  }
  const auto targets = at::randint(0, 33, {300}, at::kLong);
  CHECK(difference([&](const Inputs& in) { return model::cross_entropy(in[0], targets); },
                   [&](const Inputs& in) { return model::composed::cross_entropy(in[0], targets); },
                   {3 * at::randn({2, 300, 33})}) < 5e-6);
}

TEST_CASE("the rotary embedding makes products depend on the distance of positions only", "[model][fast]") {
  const model::HeadShape shape{1, 12, 1, 16};
  const auto one = at::randn({1, 1, 48}).expand({1, 12, 48}).contiguous();  // the same query and key at every position
  const auto heads = model::rotated_heads(one, shape, true);
  const auto scores = at::matmul(heads.q_KBHTD, heads.k_KBHTD.transpose(-2, -1)).squeeze();
  CHECK(std::abs(scores[5][2].item<float>() - scores[9][6].item<float>()) < 1e-4);
  CHECK(std::abs(scores[5][2].item<float>() - scores[5][3].item<float>()) > 1e-3);
}

TEST_CASE("a NaN stays a NaN through every kernel", "[model][fast]") {
  auto gate_up = at::zeros({1, 1, 6});
  gate_up[0][0][1] = NAN;
  CHECK(std::isnan(model::swiglu(gate_up)[0][0][1].item<double>()));

  auto logits = at::zeros({1, 2, 5});
  logits[0][1][3] = NAN;
  const auto loss = model::cross_entropy(logits, at::zeros({2}, at::kLong));
  CHECK(std::abs(loss[0][0].item<double>() - std::log(5.0)) < 1e-6);
  CHECK(std::isnan(loss[0][1].item<double>()));
}
