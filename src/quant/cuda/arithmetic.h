// What the CUDA kernels compute of one element, one group and one sum. Plain functions without a thread in sight, so
// that a CPU runs them too: tests/quant/cuda_arithmetic_test.cpp holds them against the scalar reference where there is
// no GPU. Only +, -, *, /, sqrt and rint, each rounded once, and no multiply is fused with an add.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "format/scale_search.h"
#include "quant/grid.h"

namespace vernier::quant::cuda {

// std::bit_cast and std::max are not for device code.
template <class To, class From>
VERNIER_BOTH inline To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
VERNIER_BOTH inline std::int32_t bits_of(float x) { return bits_as<std::int32_t>(x); }
VERNIER_BOTH inline float float_of(std::int32_t bits) { return bits_as<float>(bits); }
VERNIER_BOTH inline std::int32_t magnitude_of(float x) { return bits_of(x) & kMagnitudeMask; }
VERNIER_BOTH inline float with_sign_of(float magnitude, float x) {
  return float_of(bits_of(magnitude) | (bits_of(x) & ~kMagnitudeMask));
}
VERNIER_BOTH inline bool is_nan(float x) { return magnitude_of(x) > kInfinityBits; }
VERNIER_BOTH inline bool is_infinite(float x) { return magnitude_of(x) == kInfinityBits; }
template <class Value>
VERNIER_BOTH inline Value larger(Value a, Value b) {
  return a < b ? b : a;
}

// ---- random draws (base/stream.h)

/// One block of Philox 4x32 with ten rounds: the draws of four neighbours.
struct Draws {
  std::uint32_t words[4];
};

VERNIER_BOTH inline Draws draws_of(std::uint64_t key, std::uint64_t block) {
  std::uint32_t a = static_cast<std::uint32_t>(block), b = static_cast<std::uint32_t>(block >> 32), c = 0, d = 0;
  std::uint32_t key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * a, second = std::uint64_t{0xCD9E8D57} * c;
    a = static_cast<std::uint32_t>(second >> 32) ^ b ^ key0;
    b = static_cast<std::uint32_t>(second);
    c = static_cast<std::uint32_t>(first >> 32) ^ d ^ key1;
    d = static_cast<std::uint32_t>(first);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {{a, b, c, d}};
}

/// 31 bits of word 0 to 3. Selected, as an index that is not a constant would move the words to memory.
VERNIER_BOTH inline std::int32_t draw31(const Draws& draws, int word) {
  const std::uint32_t low = word == 0 ? draws.words[0] : draws.words[1],
                      high = word == 2 ? draws.words[2] : draws.words[3];
  return static_cast<std::int32_t>((word < 2 ? low : high) >> 1);
}

// ---- rounding

/// Comparisons with a NaN are false, so a NaN stays.
VERNIER_BOTH inline float bounded(float y, const Grid& grid) {
  y = y < grid.lowest ? grid.lowest : y;
  return y > grid.largest ? grid.largest : y;
}

/// Bits of the distance between neighbours around y: 1 for integers, else a power of two whose inverse is normal too
/// (not Wide).
VERNIER_BOTH inline std::int32_t step_bits(float y, const Grid& grid) {
  constexpr std::int32_t kOne = 127 << 23, kMagicAboveStep = 23 << 23;
  if (grid.path == Path::Integer) return kOne;
  return larger((bits_of(y) & kInfinityBits) + grid.magic_above_value, grid.smallest_magic) - kMagicAboveStep;
}

/// How a value between two of the grid is treated; see Rounder.
struct Draw {
  Rounding rounding = Rounding::Nearest;
  std::int32_t value = 0;  ///< 31 random bits where rounding is stochastic
};

/// A number of steps, which fp32 holds exactly, to a whole number of them: to even, or away from zero where the draw is
/// below 2^31 times the distance from the neighbour towards zero.
VERNIER_BOTH inline float whole_steps(float steps, const Draw& draw) {
  if (draw.rounding == Rounding::Nearest) return std::rint(steps);
  const float inner = std::floor(steps);
  return draw.value < static_cast<std::int32_t>(std::ceil((steps - inner) * 0x1p31F)) ? inner + 1 : inner;
}

/// The same where the fp32 bits of a magnitude are cut in two: whether `kept` goes up by one step for the dropped
/// `rest`.
VERNIER_BOTH inline bool goes_up(std::int32_t kept, std::int32_t rest, const Grid& grid, const Draw& draw) {
  if (draw.rounding == Rounding::Stochastic) return draw.value < rest << (31 - grid.dropped_bits);
  const std::int32_t half = 1 << (grid.dropped_bits - 1);
  return rest > half || (rest == half && ((kept >> grid.dropped_bits) & grid.odd_mask) != 0);
}

/// A bounded quotient to one of its two neighbours.
VERNIER_BOTH inline float on_grid(float y, const Grid& grid, const Draw& draw) {
  if (is_nan(y)) return y;
  if (grid.path == Path::Wide) {
    const std::int32_t step = 1 << grid.dropped_bits, rest = magnitude_of(y) & (step - 1);
    const std::int32_t kept = magnitude_of(y) - rest;
    return with_sign_of(float_of(goes_up(kept, rest, grid, draw) ? kept + step : kept), y);
  }
  constexpr std::int32_t kTwiceBias = 254 << 23;
  const std::int32_t step = step_bits(y, grid);
  const float steps = float_of(magnitude_of(y)) * float_of(kTwiceBias - step);
  const float value = with_sign_of(whole_steps(steps, draw) * float_of(step), y);
  return grid.path == Path::Integer ? value + 0.0F : value;  // no -0
}

/// What x is divided by: 1 for a group of zeros, NaN for a group without a finite scale.
VERNIER_BOTH inline float divisor_of(float scale) {
  constexpr std::int32_t kNanBits = 0x7FC00000;
  if (scale == 0) return 1;
  return bits_of(scale) == kInfinityBits ? float_of(kNanBits) : scale;
}

/// x / scale on the grid; an infinity stays where the format has one and the scale is finite.
VERNIER_BOTH inline float rounded(float x, float scale, const Grid& grid, const Draw& draw) {
  if (magnitude_of(x) == grid.kept_infinity && bits_of(scale) != kInfinityBits) return x;
  return on_grid(bounded(x / divisor_of(scale), grid), grid, draw);
}

/// The gradient where low <= x / scale <= high, else 0.
VERNIER_BOTH inline float passed_within(float gradient, float x, float scale, float low, float high) {
  const float y = x / divisor_of(scale);
  return y >= low && y <= high ? gradient : 0.0F;
}

// ---- scales from largest magnitudes; see scale_of in format/quantize_matrix.h

/// The bits of |x|, which order as magnitudes do, where they are at most `most`; else 0.
VERNIER_BOTH inline std::int32_t magnitude_up_to(std::int32_t most, float x) {
  const std::int32_t magnitude = magnitude_of(x);
  return magnitude <= most ? magnitude : 0;
}

/// A scale that underflows is the smallest positive fp32 instead.
VERNIER_BOTH inline float nonzero(float scale) { return larger(scale, kSmallestFloat); }

inline constexpr int kDoubleFractionBits = 52, kDoubleBias = 1023, kLargestE8m0Exponent = 127;

/// A double holds every positive fp32 as a normal number, so its exponent bits are the exponent; those of 0 are far
/// below.
VERNIER_BOTH inline std::int64_t double_bits(float x) { return bits_as<std::int64_t>(static_cast<double>(x)); }
VERNIER_BOTH inline int floor_log2(std::int64_t double_bits) {
  return static_cast<int>(double_bits >> kDoubleFractionBits) - kDoubleBias;
}
VERNIER_BOTH inline int ceil_log2(std::int64_t double_bits) {
  return floor_log2(double_bits + ((std::int64_t{1} << kDoubleFractionBits) - 1));
}

VERNIER_BOTH inline int e8m0_exponent(float absmax, Scale rule, const Grid& grid) {
  if (absmax == 0) return -kLargestE8m0Exponent;
  const int top = floor_log2(double_bits(grid.largest));
  switch (rule) {
    case Scale::E8m0Ceil:
      return ceil_log2(double_bits(absmax)) - top;
    case Scale::E8m0Even:  // a carry out of the fraction is all that matters, and there half up is half to even
      return floor_log2(double_bits(absmax) + (std::int64_t{1} << (kDoubleFractionBits - grid.significand_bits))) - top;
    case Scale::E8m0Rceil:
      return ceil_log2(double_bits(nonzero(absmax / grid.largest)));
    default:
      return floor_log2(double_bits(absmax)) - top;
  }
}

VERNIER_BOTH inline float power_of_two(int exponent) {
  exponent = larger(exponent, -kLargestE8m0Exponent);
  if (exponent > kLargestE8m0Exponent) exponent = kLargestE8m0Exponent;
  return static_cast<float>(bits_as<double>(static_cast<std::int64_t>(exponent + kDoubleBias) << kDoubleFractionBits));
}

/// By a rule that needs no more of the group than absmax, and no other group.
VERNIER_BOTH inline float scale_from_absmax(float absmax, Scale rule, const Grid& grid) {
  if (is_infinite(absmax)) return absmax;
  if (rule == Scale::Absmax) return absmax == 0 ? 0 : nonzero(absmax / grid.largest);
  return power_of_two(e8m0_exponent(absmax, rule, grid));
}

/// NVFP4's scale of the tensor, from the largest finite magnitude, and that of a block, from the block's own.
VERNIER_BOTH inline float upper_level_scale(float tensor_absmax, const Grid& grid) {
  return nonzero(tensor_absmax / (grid.largest * kLargestE4m3));
}
VERNIER_BOTH inline float two_level_scale(float absmax, float tensor_scale, const Grid& grid, const Grid& e4m3) {
  if (absmax == 0 || is_infinite(absmax)) return absmax;
  const float block = rounded(absmax / grid.largest, tensor_scale, e4m3, Draw{});
  return nonzero(larger(block, kSmallestE4m3) * tensor_scale);
}

// ---- scales from sums over a group, in the order of format/scale_search.h

/// Whether a group of this absmax has a scale to search for: zeros keep 0, an infinity keeps inf.
VERNIER_BOTH inline bool is_searched(float absmax) { return absmax != 0 && !is_infinite(absmax); }

/// What a sum adds up. A NaN adds nothing; Nan counts them.
enum class Term { Magnitude, Square, SquaredError, Nan };

VERNIER_BOTH inline double term_of(Term term, float x, float scale, const Grid& grid) {
  if (is_nan(x)) return term == Term::Nan ? 1 : 0;
  const double value = x;
  switch (term) {
    case Term::Magnitude:
      return std::abs(value);
    case Term::Square:
      return value * value;
    case Term::SquaredError: {
      const double error = value - rounded(x, scale, grid, Draw{}) * static_cast<double>(scale);
      return error * error;
    }
    default:
      return 0;
  }
}

/// What lane `lane` adds up of one chunk. Scale and grid are those of SquaredError.
VERNIER_BOTH inline double lane_sum(Term term, const float* x, std::int64_t count, std::int64_t lane, float scale,
                                    const Grid& grid) {
  double sum = 0;
  for (std::int64_t i = lane; i < count; i += kSumLanes) sum += term_of(term, x[i], scale, grid);
  return sum;
}

/// Chunks one after another; `stride` sums lie between those of one chunk and the next.
VERNIER_BOTH inline double sum_of_chunks(const double* sums, std::int64_t chunks, std::int64_t stride) {
  double sum = 0;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) sum += sums[chunk * stride];
  return sum;
}

/// The sums that a rule takes of a group, in passes of which each needs the result of the one before. Those of one pass
/// do not depend on one another, so they run side by side.
enum class Pass {
  Moments,  ///< rms, lsq: squares or magnitudes, and the number of NaNs
  Coarse,   ///< mse: the errors of absmax / largest and of coarse multiples of it
  Fine,     ///< mse: those of the multiples around the best
};

inline constexpr int kMostSums = 1 + static_cast<int>(kMseMost / kMseCoarse);
VERNIER_BOTH inline int sums_of(Pass pass) {
  return pass == Pass::Moments ? 2 : pass == Pass::Coarse ? kMostSums : 2 * static_cast<int>(kMseCoarse - 1);
}

/// The multiple with the smallest error so far, in the order of best_mse_multiple.
struct Best {
  std::int64_t multiple = kMseWhole;
  double error = 0;
};

/// The multiple whose error is the pass's sum number `which`.
VERNIER_BOTH inline std::int64_t multiple_of(Pass pass, int which, const Best& best) {
  if (pass == Pass::Coarse) return which == 0 ? kMseWhole : which * kMseCoarse;
  const std::int64_t by = which + 1 - kMseCoarse;
  return best.multiple + (by < 0 ? by : by + 1);  // not again the best itself
}

VERNIER_BOTH inline Best best_of(Pass pass, const Best& before, const double* errors) {
  Best best = pass == Pass::Coarse ? Best{kMseWhole, errors[0]} : before;
  for (int which = pass == Pass::Coarse ? 1 : 0; which < sums_of(pass); ++which)
    if (errors[which] < best.error) best = {multiple_of(pass, which, before), errors[which]};
  return best;
}

VERNIER_BOTH inline float candidate_scale(float absmax, std::int64_t multiple, const Grid& grid) {
  return nonzero(mse_candidate(absmax / grid.largest, multiple));
}

/// From the sums of Moments over a group of `count` elements.
VERNIER_BOTH inline float moment_scale(const double* sums, std::int64_t count, Scale rule, double multiple,
                                       const Grid& grid) {
  const double counted = static_cast<double>(count) - sums[1], largest = grid.largest;
  return nonzero(rule == Scale::Rms ? rms_scale(sums[0], counted, multiple, largest)
                                    : lsq_scale(sums[0], counted, largest));
}

}  // namespace vernier::quant::cuda
