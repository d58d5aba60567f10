// A random Hadamard rotation along the last axis, in blocks: x becomes D x H, D random signs of the channels and H the
// orthonormal Hadamard matrix of the block. Both operands of a product turned alike give the same product, and outliers
// of a channel are spread over its block before rounding. Source: QuEST, arXiv 2502.05003, section 3; QuaRot, arXiv
// 2404.00456, section 3.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/stream.h"

namespace vernier::quant {

/// fp32 [R, C], C a multiple of `block`, a power of two; the sign of channel c is a draw of `signs` with counter c.
at::Tensor rotated(const at::Tensor& x_RC, std::int64_t block, const Stream& signs);

/// The inverse, for gradients.
at::Tensor rotated_back(const at::Tensor& x_RC, std::int64_t block, const Stream& signs);

}  // namespace vernier::quant
