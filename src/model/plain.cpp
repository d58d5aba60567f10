// Operations of recipes that have no fused kernels: ATen's own on every device.
#include <torch/torch.h>

#include <map>
#include <mutex>

#include "model/operations.h"

namespace vernier::model {

at::Tensor activated(const at::Tensor& x_KRF, Activation activation) {
  switch (activation) {
    case Activation::Relu:
      return at::relu(x_KRF);
    case Activation::Gelu:
      return at::gelu(x_KRF, "tanh");
    case Activation::SquaredRelu:
      return at::relu(x_KRF).square();
    case Activation::SwiGlu:
      return swiglu(x_KRF);
  }
  throw Failure("unknown activation");
}

Heads plain_heads(const at::Tensor& qkv_KRO, const HeadShape& s, bool qk_norm) {
  const auto split =
      qkv_KRO.view({qkv_KRO.size(0), s.batch, s.context, 3, s.heads, s.width}).permute({3, 0, 1, 4, 2, 5});
  const auto normed = [&](const at::Tensor& x) {
    return qk_norm ? x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt() : x;
  };
  return {normed(split[0]).contiguous(), normed(split[1]).contiguous(), split[2].contiguous()};
}

namespace {

at::Tensor sinusoids_on_cpu(std::int64_t context, std::int64_t width) {
  const auto channel = at::arange(width, at::kDouble);
  const auto pair = (channel / 2).floor() * 2;
  const auto angle_TC =
      at::arange(context, at::kDouble).unsqueeze(1) * at::pow(kRotaryBase, -pair / static_cast<double>(width));
  return at::where((channel - pair) == 0, angle_TC.sin(), angle_TC.cos()).to(at::kFloat);
}

}  // namespace

at::Tensor sinusoids(std::int64_t context, std::int64_t width, const at::Device& device) {
  static std::mutex mutex;
  static std::map<std::tuple<std::int64_t, std::int64_t, std::string>, at::Tensor> known;
  const std::lock_guard lock(mutex);
  at::Tensor& table_TC = known[{context, width, device.str()}];
  if (!table_TC.defined()) table_TC = sinusoids_on_cpu(context, width).to(device);
  return table_TC;
}

}  // namespace vernier::model
