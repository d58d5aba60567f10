// The same rounding from ATen operations, which run on every device. Each line is one elementwise pass, and no two of
// them are fused, so the results are those of the CPU kernel bit for bit.
#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "quant/grid.h"
#include "quant/quantize.h"

namespace vernier::quant {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A one-element tensor beside x: dividing by a number would multiply by its reciprocal on some devices.
at::Tensor beside(const at::Tensor& x, double value) { return at::full({1}, value, x.options()); }

at::Tensor bits_of(const at::Tensor& x) { return x.view(at::kInt); }

at::Tensor on_wide_grid(const at::Tensor& bounded, const Grid& grid) {
  const at::Tensor bits = bits_of(bounded), magnitude = bits.bitwise_and(kMagnitudeMask);
  const at::Tensor odd = magnitude.bitwise_right_shift(grid.dropped_bits).bitwise_and(grid.odd_mask).clamp_max(1);
  const std::int32_t half = 1 << (grid.dropped_bits - 1);
  const at::Tensor kept = (magnitude + (odd + (half - 1))).bitwise_and(-(1 << grid.dropped_bits));
  const at::Tensor value = kept.bitwise_or(bits.bitwise_and(~kMagnitudeMask)).view(at::kFloat);
  return at::where(magnitude > kInfinityBits, bounded, value);
}

at::Tensor on_grid(const at::Tensor& y, const Grid& grid) {
  const at::Tensor bounded = y.clamp(grid.lowest, grid.largest);  // a NaN stays
  if (grid.path == Path::Wide) return on_wide_grid(bounded, grid);
  if (grid.path == Path::Integer) {
    const at::Tensor magic = beside(y, 0x1.8p23);
    return (bounded + magic) - magic;
  }
  const at::Tensor bits = bits_of(bounded);
  const at::Tensor exponent = bits.bitwise_and(kInfinityBits) + grid.magic_above_value;
  const at::Tensor magic = exponent.clamp_min(grid.smallest_magic).bitwise_or(kMagicFraction).view(at::kFloat);
  return bits_of((bounded + magic) - magic).bitwise_or(bits.bitwise_and(~kMagnitudeMask)).view(at::kFloat);
}

/// x_RC cut into blocks, [R, blocks, block]; a short last block is filled with zeros, which change no largest
/// magnitude.
at::Tensor in_blocks(const at::Tensor& x_RC, std::int64_t block) {
  const std::int64_t blocks = (x_RC.size(1) + block - 1) / block;
  return at::constant_pad_nd(x_RC, {0, blocks * block - x_RC.size(1)}, 0).view({x_RC.size(0), blocks, block});
}

at::Tensor absmax_of(const at::Tensor& x_RC, const Number& number) {
  if (x_RC.numel() == 0)
    return number.granularity == Granularity::Tensor ? beside(x_RC, 0)
           : number.granularity == Granularity::Block
               ? x_RC.new_zeros({x_RC.size(0), (x_RC.size(1) + number.block - 1) / number.block})
               : x_RC.new_zeros({x_RC.size(0), 1});
  const at::Tensor magnitude = at::where(x_RC.isnan(), beside(x_RC, 0), x_RC.abs());
  if (number.granularity == Granularity::Tensor) return magnitude.amax().view({1});
  if (number.granularity == Granularity::Block) return in_blocks(magnitude, number.block).amax(-1);
  return magnitude.amax(1, true);
}

at::Tensor underflow_kept(const at::Tensor& scale, const at::Tensor& absmax) {
  return at::where((scale == 0).logical_and(absmax > 0), beside(scale, kSmallestFloat), scale);
}

/// Exponent of x >= 0 as an integer tensor, rounded up where asked; a double holds every fp32 as a normal number.
at::Tensor log2_of(const at::Tensor& x, bool up) {
  const at::Tensor bits = x.to(at::kDouble).view(at::kLong);
  const at::Tensor exponent = bits.bitwise_right_shift(52) - 1023;
  return up ? exponent + bits.bitwise_and((1LL << 52) - 1).ne(0) : exponent;
}

at::Tensor e8m0_exponent(const at::Tensor& absmax, Scale rule, const Grid& grid) {
  const int top = std::ilogb(grid.largest);
  switch (rule) {
    case Scale::E8m0Ceil:
      return log2_of(absmax, true) - top;
    case Scale::E8m0Even: {
      const at::Tensor bits = absmax.to(at::kDouble).view(at::kLong) + (1LL << (52 - grid.significand_bits));
      return bits.bitwise_right_shift(52) - 1023 - top;
    }
    case Scale::E8m0Rceil:
      return log2_of(underflow_kept(absmax / beside(absmax, grid.largest), absmax), true);
    default:
      return log2_of(absmax, false) - top;
  }
}

at::Tensor e8m0_scale(const at::Tensor& absmax, Scale rule, const Grid& grid) {
  const at::Tensor exponent = e8m0_exponent(absmax, rule, grid).clamp(-127, 127);
  const at::Tensor scale = (exponent + 1023).bitwise_left_shift(52).view(at::kDouble).to(at::kFloat);
  return at::where(absmax == kInfinity, absmax, scale);
}

at::Tensor two_level_scale(const at::Tensor& absmax, const Grid& grid) {
  if (absmax.numel() == 0) return absmax;
  const at::Tensor special = (absmax == 0).logical_or(absmax == kInfinity);
  const at::Tensor tensor_absmax = at::where(special, beside(absmax, 0), absmax).amax().view({1});
  const at::Tensor tensor_scale =
      (tensor_absmax / beside(absmax, grid.largest * kLargestE4m3)).clamp_min(kSmallestFloat);
  const at::Tensor block = on_grid(absmax / beside(absmax, grid.largest) / tensor_scale, grid_of(format_named("e4m3")));
  const at::Tensor scale = (block.clamp_min(kSmallestE4m3) * tensor_scale).clamp_min(kSmallestFloat);
  return at::where(special, absmax, scale);
}

at::Tensor scale_of(const at::Tensor& x_RC, const Number& number, const Grid& grid) {
  const at::Tensor absmax = absmax_of(x_RC, number);
  switch (number.scale) {
    case Scale::None:
      return {};
    case Scale::Absmax:
      return underflow_kept(absmax / beside(absmax, grid.largest), absmax);
    case Scale::E4m3:
      return two_level_scale(absmax, grid);
    default:
      return e8m0_scale(absmax, number.scale, grid);
  }
}

}  // namespace

OnGrid onto_grid_composed(const at::Tensor& x_RC, const Number& number) {
  if (!number.rounded) return {x_RC, {}};
  const at::NoGradGuard no_gradient;
  const Grid grid = grid_of(number.format);
  if (number.scale == Scale::None) {
    const at::Tensor passes = bits_of(x_RC).bitwise_and(kMagnitudeMask) == grid.kept_infinity;
    return {at::where(passes, x_RC, on_grid(x_RC, grid)), {}};
  }
  OnGrid result{x_RC, scale_of(x_RC, number, grid)};
  const at::Tensor scale = scale_per_element(result, number);
  const at::Tensor divisor = at::where(scale == 0, beside(scale, 1), scale.masked_fill(scale == kInfinity, NAN));
  result.grid = on_grid(x_RC / divisor, grid);
  return result;
}

at::Tensor scales_of(const at::Tensor& x_RC, const Number& number) {
  return number.rounded ? scale_of(x_RC, number, grid_of(number.format)) : at::Tensor();
}

at::Tensor fake_quantized_under(const at::Tensor& x_RC, const at::Tensor& scale, const Number& number) {
  if (!scale.defined()) return onto_grid_composed(x_RC, number).grid;
  const at::Tensor each = scale_per_element({x_RC, scale}, number);
  const at::Tensor divisor = at::where(each == 0, beside(each, 1), each.masked_fill(each == kInfinity, NAN));
  return on_grid(x_RC / divisor, grid_of(number.format)) * each;
}

}  // namespace vernier::quant
