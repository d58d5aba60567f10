#include "quant/cpu/scales.h"

#include <array>
#include <bit>

#include "format/number_format.h"
#include "quant/cpu/kernels.h"
#include "quant/cpu/threads.h"

namespace vernier::quant::cpu {

namespace {

constexpr int kDoubleFractionBits = 52, kDoubleBias = 1023, kLargestE8m0Exponent = 127;

bool is_infinite(float magnitude) { return std::bit_cast<std::int32_t>(magnitude) == kInfinityBits; }

/// A double holds every fp32 as a normal number, so its exponent bits are the exponent.
std::int64_t double_bits(float x) { return std::bit_cast<std::int64_t>(static_cast<double>(x)); }
int floor_log2(std::int64_t bits_of_double) {
  return static_cast<int>(bits_of_double >> kDoubleFractionBits) - kDoubleBias;
}
int ceil_log2(std::int64_t bits_of_double) {
  return floor_log2(bits_of_double) + ((bits_of_double & ((1LL << kDoubleFractionBits) - 1)) != 0 ? 1 : 0);
}

int e8m0_exponent(float absmax, Scale rule, const Grid& grid, int top) {
  switch (rule) {
    case Scale::E8m0Ceil:
      return ceil_log2(double_bits(absmax)) - top;
    // Only a carry out of the fraction matters here, and there half up is half to even.
    case Scale::E8m0Even:
      return floor_log2(double_bits(absmax) + (1LL << (kDoubleFractionBits - grid.significand_bits))) - top;
    case Scale::E8m0Rceil:
      return absmax == 0 ? -kLargestE8m0Exponent : ceil_log2(double_bits(nonzero(absmax / grid.largest)));
    default:
      return floor_log2(double_bits(absmax)) - top;
  }
}

float power_of_two(int exponent) {
  const std::int64_t bounded = std::clamp(exponent, -kLargestE8m0Exponent, kLargestE8m0Exponent);
  return static_cast<float>(std::bit_cast<double>((bounded + kDoubleBias) << kDoubleFractionBits));
}

}  // namespace

void scales_from_absmax(float* absmax, std::int64_t count, Scale rule, const Grid& grid) {
  if (needs_whole_group(rule)) return;  // zeros and infinities keep theirs
  if (rule == Scale::Absmax) {
    for (std::int64_t i = 0; i < count; ++i) absmax[i] = absmax[i] == 0 ? 0 : nonzero(absmax[i] / grid.largest);
    return;
  }
  const int top = floor_log2(double_bits(grid.largest));
  for (std::int64_t i = 0; i < count; ++i)
    if (!is_infinite(absmax[i])) absmax[i] = power_of_two(e8m0_exponent(absmax[i], rule, grid, top));
}

void scale_in_two_levels(float* absmax, std::int64_t count, const Grid& grid) {
  static const Grid e4m3 = grid_of(format_named("e4m3"));
  std::int32_t most = 0;  // magnitudes order as their bits do
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::int32_t>(absmax[i]);
    most = std::max(most, bits == kInfinityBits ? 0 : bits);
  }
  const auto tensor_absmax = std::bit_cast<float>(most);
  const float tensor_scale = nonzero(tensor_absmax / (grid.largest * kLargestE4m3));
  in_ranges(count, 1, [&](std::int64_t begin, std::int64_t end) {
    constexpr std::int64_t kPiece = 1024;
    std::array<float, kPiece> quotients, blocks;
    for (; begin < end; begin += kPiece) {
      const std::int64_t some = std::min(kPiece, end - begin);
      float* at = absmax + begin;
      for (std::int64_t i = 0; i < some; ++i) quotients[static_cast<std::size_t>(i)] = at[i] / grid.largest;
      round_run({quotients.data(), blocks.data(), some, 0, Store::Grid, {}, &e4m3}, tensor_scale);
      for (std::int64_t i = 0; i < some; ++i) {
        const float scale = nonzero(std::max(blocks[static_cast<std::size_t>(i)], kSmallestE4m3) * tensor_scale);
        at[i] = at[i] == 0 || is_infinite(at[i]) ? at[i] : scale;
      }
    }
  });
}

}  // namespace vernier::quant::cpu
