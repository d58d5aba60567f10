// Every operation of a block gives on a CUDA device what it gives on a CPU, and the same bits every time.
#include <torch/torch.h>

#include "model/operations.h"
// last, as it says
#include "gpu.h"

using namespace vernier;

namespace {

using Tensors = std::vector<at::Tensor>;

/// The value of an operation and the gradients of its inputs, where they have one, on a device.
template <class Operation>
Tensors results(const Operation& operation, const Tensors& inputs, at::Device device) {
  Tensors leaves;
  for (const auto& x : inputs) leaves.push_back(x.detach().to(device).clone().requires_grad_());
  const at::Tensor y = operation(leaves);
  const at::Tensor weight = at::sin(at::arange(y.numel(), at::kFloat)).view(y.sizes()).to(device);
  (y * weight).sum().backward();
  Tensors found{y.detach().cpu()};
  for (const auto& leaf : leaves) found.push_back(leaf.grad().cpu());
  return found;
}

/// The largest difference between the devices; infinite where a second time gives other bits.
template <class Operation>
double difference(const Operation& operation, const Tensors& inputs) {
  const Tensors cpu = results(operation, inputs, at::kCPU), cuda = results(operation, inputs, at::kCUDA),
                again = results(operation, inputs, at::kCUDA);
  double largest = 0;
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    if (!at::equal(cuda[i], again[i])) return INFINITY;
    largest = std::max(largest, (cpu[i] - cuda[i]).abs().max().template item<double>());
  }
  return largest;
}

}  // namespace

TEST_CASE("CUDA normalises rows as a CPU does", "[model][gpu]") {
  if (!has_device()) return;
  at::manual_seed(1);
  for (const std::int64_t width : {24, 512, 1500})
    CHECK(difference([](const Tensors& in) { return model::rms_norm(in[0], in[1]); },
                     {at::randn({2, 300, width}), at::rand({2, width}) + 0.5}) < 2e-4);
}

TEST_CASE("CUDA gates as a CPU does", "[model][gpu]") {
  if (!has_device()) return;
  at::manual_seed(2);
  CHECK(difference([](const Tensors& in) { return model::swiglu(in[0]); }, {at::randn({2, 300, 2 * 37})}) < 2e-6);
}

TEST_CASE("CUDA splits and turns heads as a CPU does", "[model][gpu]") {
  if (!has_device()) return;
  at::manual_seed(3);
  for (const bool qk_norm : {true, false})
    for (const std::int64_t width : {8, 128}) {
      const model::HeadShape shape{3, 10, 2, width};
      const auto joined = [&](const Tensors& in) {
        const model::Heads h = model::rotated_heads(in[0], shape, qk_norm);
        return at::stack({h.q_KBHTD, h.k_KBHTD, h.v_KBHTD});
      };
      CHECK(difference(joined, {at::randn({2, 30, 6 * width})}) < 2e-5);
    }
}

TEST_CASE("CUDA finds the cross-entropy that a CPU finds, of logits that are leaves and of results", "[model][gpu]") {
  if (!has_device()) return;
  at::manual_seed(4);
  for (const std::int64_t vocab : {33, 512, 3000})
    for (const bool leaf : {true, false}) {
      const auto targets = at::randint(0, vocab, {300}, at::kLong);
      const auto loss = [&](const Tensors& in) {
        return model::cross_entropy(leaf ? in[0] : in[0] * 1.5, targets.to(in[0].device()));
      };
      CHECK(difference(loss, {3 * at::randn({2, 300, vocab})}) < 2e-5);
    }
}

TEST_CASE("logits whose gradient took their place cannot be gone back through twice", "[model][gpu]") {
  if (!has_device()) return;
  const auto options = at::TensorOptions().device(at::kCUDA);
  const auto logits = at::randn({1, 4, 9}, options).requires_grad_() * 2;
  const auto loss = model::cross_entropy(logits, at::zeros({4}, options.dtype(at::kLong))).sum();
  loss.backward({}, /*retain_graph=*/true);
  CHECK_THROWS(loss.backward());
}

TEST_CASE("CUDA adds the gradients of an embedding's rows as a CPU does", "[model][gpu]") {
  if (!has_device()) return;
  at::manual_seed(5);
  for (const std::int64_t vocab : {5, 400}) {  // many rows of each token, and tokens without any
    const auto tokens = at::randint(0, vocab, {300}, at::kLong);
    CHECK(difference([&](const Tensors& in) { return model::embedded(in[0], tokens.to(in[0].device())); },
                     {at::randn({2, vocab, 70})}) < 2e-5);
  }
}
