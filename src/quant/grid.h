// A number's facts as the tensor code needs them: fp32 values and bit patterns, arriving as data.
#pragma once

#include <cstdint>

#include "format/choices.h"

namespace vernier {
struct NumberFormat;
}

namespace vernier::quant {

/// How a value finds its neighbour on the grid.
enum class Path {
  Integer,  ///< the step is 1: adding and subtracting 1.5 * 2^23 rounds to even
  Narrow,   ///< floats of up to 7 exponent bits: the same with 1.5 * 2^23 times the step around the value
  Wide,     ///< floats with fp32's exponent, where that sum could overflow: the low bits are rounded away
};

/// A value is divided by its scale, bounded to [lowest, largest] (which are on the grid, so this changes nothing) and
/// rounded. A group of zeros has scale 0 and keeps its zeros; one without a finite scale becomes NaN; an infinity stays
/// where the format has one and the scale is finite.
struct Grid {
  Path path = Path::Integer;
  float lowest = 0, largest = 0;
  int significand_bits = 0;
  std::int32_t magic_above_value = 0;  ///< added to a value's exponent bits, gives those of its magic number
  std::int32_t smallest_magic = 0;     ///< exponent bits of the magic number next to zero
  std::int32_t dropped_bits = 0;       ///< of an fp32 fraction (Wide)
  std::int32_t odd_mask = 1;        ///< which of the kept bits make a neighbour odd (Wide); without fraction bits, any
  std::int32_t kept_infinity = -1;  ///< bits of a magnitude that stays infinite: infinity's, or none
};

Grid grid_of(const NumberFormat& format);

/// What rounding leaves behind.
enum class Store {
  Grid,   ///< unscaled values of the format, fp32
  Value,  ///< grid * scale, fp32
  Bf16,   ///< unscaled values of the format, bf16, which must hold them
};

/// How values between two grid values are treated. A stochastic draw is a pure function of `key`, which stands for
/// seed, step and tensor, and of the element's place in its tensor.
struct Rounder {
  Rounding rounding = Rounding::Nearest;
  std::uint64_t key = 0;                  ///< of the Stream that draws
  const std::uint64_t* key_at = nullptr;  ///< where it lies instead, on the device that rounds: read when it does
};

/// Fraction bits of a magic number: 1.5, so that neither sign of the sum leaves its binade.
inline constexpr std::int32_t kMagicFraction = 0x400000;
inline constexpr std::int32_t kInfinityBits = 0x7F800000;
inline constexpr std::int32_t kMagnitudeMask = 0x7FFFFFFF;
inline constexpr float kSmallestFloat = 0x1p-149F;
inline constexpr float kSmallestE4m3 = 0x1p-9F, kLargestE4m3 = 448;

}  // namespace vernier::quant
