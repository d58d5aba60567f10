// The operations of a transformer block between its matrix products, each differentiable. On a CPU and on CUDA devices
// each is one fused kernel forward and one backward (model/cpu, model/cuda); elsewhere, and in the `composed` twins
// that tests compare, ATen composes it.
//
// Axes: K cohort member, R row (sequence and position), C channel, B sequence, H head, T position, D channel of a head,
// F hidden channel of the mlp, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include "record/architecture.h"

namespace vernier::model {

inline constexpr double kNormEpsilon = 1e-6;  // of RMS norms
inline constexpr double kLayerNormEpsilon = 1e-5;
inline constexpr double kRotaryBase = 10000;

/// x / sqrt(mean(x^2) + epsilon) * gain along C (Zhang and Sennrich, arXiv 1910.07467).  x_KRC, gain_KC -> [K, R, C]
at::Tensor rms_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC);

/// (x - mean(x)) / sqrt(variance(x) + epsilon) * gain + bias along C (Ba et al., arXiv 1607.06450); one pass over rows
/// on a CPU, composed elsewhere.  x_KRC, gain_KC, bias_KC -> [K, R, C]
at::Tensor layer_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC, const at::Tensor& bias_KC);

/// silu(gate) * up (Shazeer, arXiv 2002.05202); gate is the first half of the last axis.  [K, R, 2F] -> [K, R, F]
at::Tensor swiglu(const at::Tensor& gate_up_KRF);

/// Of the mlp between its matrices: [K, R, F], of a gated one [K, R, 2F] -> [K, R, F].
at::Tensor activated(const at::Tensor& x_KRF, Activation activation);

struct HeadShape {
  std::int64_t batch, context, heads, width;  ///< width of one head
};

struct Heads {
  at::Tensor q_KBHTD, k_KBHTD, v_KBHTD;
};

/// Splits the product of the first attention matrix into heads, normalises queries and keys (where `qk_norm`; RMS
/// without gain, Henry et al., arXiv 2010.04245) and turns them by their position (rotary embedding by halves, Su et
/// al., arXiv 2104.09864).  qkv_KRO [K, B T, 3 H D]
Heads rotated_heads(const at::Tensor& qkv_KRO, const HeadShape& shape, bool qk_norm);

/// The same without turning.
Heads plain_heads(const at::Tensor& qkv_KRO, const HeadShape& shape, bool qk_norm);

/// sin and cos of every position at falling rates, PE(t, 2i) = sin(t / 10000^(2i / C)) and PE(t, 2i + 1) the cosine
/// (Vaswani et al., arXiv 1706.03762, section 3.5), computed once for each shape and device.  [T, C]
at::Tensor sinusoids(std::int64_t context, std::int64_t width, const at::Device& device);

/// softmax(q k^T / sqrt(D)) v, causal.  [K, B, H, T, D] each -> [K, B T, H D]
at::Tensor attend(const Heads& heads);

/// -ln softmax(logits)[target] of every row.  logits_KRV, targets_R (int64) -> [K, R], nats
at::Tensor cross_entropy(const at::Tensor& logits_KRV, const at::Tensor& targets_R);

/// Rows of the embedding that the tokens (int64) name.  embedding_KVC, tokens_R -> [K, R, C]
at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R);

namespace composed {
at::Tensor rms_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC);
at::Tensor layer_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC, const at::Tensor& bias_KC);
at::Tensor swiglu(const at::Tensor& gate_up_KRF);
Heads rotated_heads(const at::Tensor& qkv_KRO, const HeadShape& shape, bool qk_norm);
at::Tensor cross_entropy(const at::Tensor& logits_KRV, const at::Tensor& targets_R);
at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R);
}  // namespace composed

}  // namespace vernier::model
