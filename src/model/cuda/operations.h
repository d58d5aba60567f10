// The operations of a block on a CUDA device, as in model/operations.h; each is one fused kernel forward and one or two
// backward. Without nvcc or a CUDA LibTorch cuda/absent.cpp stands in and says so.
#pragma once

#include "model/operations.h"

namespace vernier::model::cuda {

at::Tensor rms_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC);
at::Tensor swiglu(const at::Tensor& gate_up_KRF);
Heads rotated_heads(const at::Tensor& qkv_KRO, const HeadShape& shape, bool qk_norm);

/// The gradient takes the place of logits that are a result themselves, so that they are in memory once; going
/// backward a second time is an error of autograd.
at::Tensor cross_entropy(const at::Tensor& logits_KRV, const at::Tensor& targets_R);

at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R);

}  // namespace vernier::model::cuda
