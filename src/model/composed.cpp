// The operations of a block, composed from ATen: what every device can run, and what the fused kernels are checked
// against.
#include <torch/torch.h>

#include "model/operations.h"

namespace vernier::model::composed {

at::Tensor rms_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC) {
  const auto mean_square = x_KRC.square().mean(-1, true);
  return x_KRC * (mean_square + kNormEpsilon).rsqrt() * gain_KC.unsqueeze(1);
}

at::Tensor layer_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC, const at::Tensor& bias_KC) {
  const auto centred = x_KRC - x_KRC.mean(-1, true);
  const auto variance = centred.square().mean(-1, true);
  return centred * (variance + kLayerNormEpsilon).rsqrt() * gain_KC.unsqueeze(1) + bias_KC.unsqueeze(1);
}

at::Tensor swiglu(const at::Tensor& gate_up_KRF) {
  const auto halves = gate_up_KRF.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

namespace {
at::Tensor turned(const at::Tensor& x_KBHTD, const HeadShape& shape) {
  const auto half = shape.width / 2;
  const auto options = x_KBHTD.options();
  const auto rate = at::pow(kRotaryBase, -at::arange(half, options.dtype(at::kDouble)) / static_cast<double>(half));
  const auto angle_TD = at::arange(shape.context, options.dtype(at::kDouble)).unsqueeze(1) * rate;
  const auto cosine = angle_TD.cos().to(at::kFloat), sine = angle_TD.sin().to(at::kFloat);
  const auto halves = x_KBHTD.chunk(2, -1);
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine}, -1);
}
}  // namespace

Heads rotated_heads(const at::Tensor& qkv_KRO, const HeadShape& s, bool qk_norm) {
  const Heads heads = plain_heads(qkv_KRO, s, qk_norm);
  return {turned(heads.q_KBHTD, s), turned(heads.k_KBHTD, s), heads.v_KBHTD};
}

at::Tensor cross_entropy(const at::Tensor& logits_KRV, const at::Tensor& targets_R) {
  const auto targets_KR = targets_R.unsqueeze(0).expand({logits_KRV.size(0), -1});
  return -at::log_softmax(logits_KRV, -1).gather(-1, targets_KR.unsqueeze(-1)).squeeze(-1);
}

at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R) {
  return embedding_KVC.index_select(1, tokens_R);
}

}  // namespace vernier::model::composed
