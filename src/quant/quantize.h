// Whole tensors onto a format's grid. Fused kernels do it on the CPU (quant/cpu) and on CUDA devices (quant/cuda);
// composed.cpp does the same with ATen operations. All equal the scalar reference (format/quantize_matrix.h) bit for
// bit.
//
// Axes: R rows (output channels of a weight, tokens of an activation), C columns (the contraction axis).
#pragma once

#include <ATen/core/Tensor.h>

#include "format/number.h"
#include "quant/grid.h"

namespace vernier::quant {

/// value = grid * scale, one fp32 product.
struct OnGrid {
  at::Tensor grid;   ///< unscaled values of the format [R, C], fp32 or bf16
  at::Tensor scale;  ///< fp32: [1] (tensor), [R, 1] (channel, token), [R, ceil(C / block)]; undefined for a cast
};

/// How a tensor is rounded beyond its number.
struct How {
  Rounder rounder;   ///< nearest unless said otherwise
  at::Tensor scale;  ///< given, of the shape that OnGrid states; undefined: found by the number's rule
};

/// Rounds x_RC, saturating, under the number's scale rule. x / scale is a true division.
///
/// x_RC     fp32 [R, C], contiguous, any device; not changed
/// store    Grid, or Bf16 where carrier_of (quant/carrier.h) says that bf16 holds the format's values
/// A group that holds an infinity has scale inf and NaN for all its values; a NaN stays a NaN and does not enter the
/// scale; a group of zeros stays zeros. A cast, and a given scale, keep an infinity that the format has. fp32 gives
/// x_RC itself. Safe to call from several threads; serial inside an outer parallel region.
OnGrid onto_grid(const at::Tensor& x_RC, const Number& number, const How& how = {}, Store store = Store::Grid);

/// The same into tensors that are there: out.grid in the type of its store, out.scale unless the number is a cast.
void round_into(const OnGrid& out, const at::Tensor& x_RC, const Number& number, const Rounder& rounder = {});

/// grid * scale of the above, fp32 [R, C]; for fp32 x_RC itself. One pass less than forming the product afterwards.
at::Tensor fake_quantized(const at::Tensor& x_RC, const Number& number, const How& how = {});

/// The scales alone; undefined for a cast and for fp32.
at::Tensor scales_of(const at::Tensor& x_RC, const Number& number);

/// scale broadcast over the columns of x_RC: [R, C] or something that broadcasts to it.
at::Tensor scale_per_element(const OnGrid& on_grid, const Number& number);

/// onto_grid (nearest, scale by the rule) composed of ATen operations, on any device: the yardstick of `bench quantize`.
/// Knows no scale that sums over its group.
OnGrid onto_grid_composed(const at::Tensor& x_RC, const Number& number);

}  // namespace vernier::quant
