// Whole tensors onto a format's grid. On the CPU a fused kernel does it, elsewhere the same is composed of ATen
// operations; both equal the scalar reference (format/quantize_matrix.h) bit for bit.
//
// Axes: R rows (output channels of a weight, tokens of an activation), C columns (the contraction axis).
#pragma once

#include <ATen/core/Tensor.h>

#include "format/number.h"

namespace vernier::quant {

/// value = grid * scale, one fp32 product.
struct OnGrid {
  at::Tensor grid;   ///< unscaled values of the format, fp32 [R, C]
  at::Tensor scale;  ///< fp32: [1] (tensor), [R, 1] (channel, token), [R, ceil(C / block)]; undefined for a cast
};

/// Rounds x_RC to nearest, ties to even, saturating, under the number's scale rule.
///
/// x_RC     fp32 [R, C], contiguous, any device; not changed
/// A group that holds an infinity has scale inf and NaN for all its values; a NaN stays a NaN and does not enter the
/// scale; a group of zeros stays zeros. A cast keeps an infinity that the format has. fp32 gives x_RC itself. Safe to
/// call from several threads; serial inside an outer parallel region.
OnGrid onto_grid(const at::Tensor& x_RC, const Number& number);

/// grid * scale of the above, fp32 [R, C]; for fp32 x_RC itself. One pass less than forming the product afterwards.
at::Tensor fake_quantized(const at::Tensor& x_RC, const Number& number);

/// fake_quantized over rows of the last axis (all leading axes are rows), any shape; the gradient passes unchanged, as
/// if nothing had been rounded (Bengio et al., arXiv 1308.3432; "identity" in Kumar et al., arXiv 2411.04330).
at::Tensor straight_through(const at::Tensor& x, const Number& number);

/// scale broadcast over the columns of x_RC: [R, C] or something that broadcasts to it.
at::Tensor scale_per_element(const OnGrid& on_grid, const Number& number);

/// The scales that the number's rule gives x_RC: [1], [R, 1] or [R, ceil(C / block)]; undefined for a cast.
at::Tensor scales_of(const at::Tensor& x_RC, const Number& number);

/// value = grid * scale of x_RC under scales that are given (shapes as scales_of gives them), fp32 [R, C].
at::Tensor fake_quantized_under(const at::Tensor& x_RC, const at::Tensor& scale, const Number& number);

/// onto_grid composed of ATen operations, on any device: what runs where there is no kernel.
OnGrid onto_grid_composed(const at::Tensor& x_RC, const Number& number);

}  // namespace vernier::quant
