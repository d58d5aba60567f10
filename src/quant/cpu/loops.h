// The inner loops: branch-free, so that the compiler turns each into vector code.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "quant/grid.h"

namespace vernier::quant::cpu {

inline std::int32_t bits_of(float x) { return std::bit_cast<std::int32_t>(x); }
inline float float_of(std::int32_t bits) { return std::bit_cast<float>(bits); }

/// Only a NaN's bits can overflow here, and their sum is not used.
inline std::int32_t wrapping_sum(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// Comparisons with a NaN are false, so a NaN stays.
inline float clamped(float y, const Grid& grid) {
  y = y < grid.lowest ? grid.lowest : y;
  return y > grid.largest ? grid.largest : y;
}

/// The grid value next to y, saturated. Clamping first changes nothing, as both bounds are on the grid.
template <Path path>
inline float on_grid(float y, const Grid& grid) {
  const float bounded = clamped(y, grid);
  const std::int32_t bits = bits_of(bounded), sign = bits & ~kMagnitudeMask;
  if constexpr (path == Path::Integer) {
    constexpr float kMagic = 0x1.8p23F;
    return (bounded + kMagic) - kMagic;  // leaves +0 for every zero
  } else if constexpr (path == Path::Narrow) {
    const std::int32_t exponent = wrapping_sum(bits & kInfinityBits, grid.magic_above_value);
    const float magic = float_of(std::max(exponent, grid.smallest_magic) | kMagicFraction);
    return float_of(bits_of((bounded + magic) - magic) | sign);
  } else {
    const std::int32_t magnitude = bits & kMagnitudeMask;
    const std::int32_t odd = std::min((magnitude >> grid.dropped_bits) & grid.odd_mask, 1);
    const std::int32_t half = 1 << (grid.dropped_bits - 1);
    const std::int32_t kept = wrapping_sum(magnitude, half - 1 + odd) & -(1 << grid.dropped_bits);
    return magnitude > kInfinityBits ? bounded : float_of(kept | sign);
  }
}

/// What x is divided by: 1 for a group of zeros, NaN for a group without a finite scale.
inline float divisor_of(float scale) {
  if (scale == 0) return 1;
  return bits_of(scale) == kInfinityBits ? std::numeric_limits<float>::quiet_NaN() : scale;
}

template <Path path, bool dequantize>
inline void round_group(const float* __restrict x, float* __restrict out, std::int64_t n, float scale,
                        const Grid& shared_grid) {
  const Grid grid = shared_grid;  // a copy that no store can touch
  const float divisor = divisor_of(scale);
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = on_grid<path>(x[i] / divisor, grid);
    out[i] = dequantize ? value * scale : value;
  }
}

template <Path path>
inline void cast_group(const float* __restrict x, float* __restrict out, std::int64_t n, const Grid& shared_grid) {
  const Grid grid = shared_grid;
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = on_grid<path>(x[i], grid);
    out[i] = (bits_of(x[i]) & kMagnitudeMask) == grid.kept_infinity ? x[i] : value;
  }
}

/// Largest magnitude of all elements but NaN. Magnitudes order as their bits do.
inline float absmax_of(const float* x, std::int64_t n) {
  std::int32_t largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t magnitude = bits_of(x[i]) & kMagnitudeMask;
    largest = std::max(largest, magnitude > kInfinityBits ? 0 : magnitude);
  }
  return float_of(largest);
}

/// One row of groups; `fixed`, where not 0, is the group length, known to the compiler.
template <int fixed>
void absmax_row(const float* x, float* absmax, std::int64_t columns, std::int64_t group) {
  const std::int64_t length = fixed != 0 ? fixed : group;
  std::int64_t start = 0;
  for (; start + length <= columns; start += length) *absmax++ = absmax_of(x + start, fixed != 0 ? fixed : length);
  if (start < columns) *absmax = absmax_of(x + start, columns - start);
}

template <Path path, bool dequantize, int fixed>
void round_row(const float* x, float* out, const float* scales, std::int64_t columns, std::int64_t group,
               const Grid& grid) {
  const std::int64_t length = fixed != 0 ? fixed : group;
  std::int64_t start = 0;
  for (; start + length <= columns; start += length)
    round_group<path, dequantize>(x + start, out + start, fixed != 0 ? fixed : length, *scales++, grid);
  if (start < columns) round_group<path, dequantize>(x + start, out + start, columns - start, *scales, grid);
}

}  // namespace vernier::quant::cpu
