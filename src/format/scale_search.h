// Scales that need more of a group than its largest magnitude: sums over it, in an order that every device can follow.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "format/number_format.h"

/// What runs on a GPU too.
#ifdef __CUDACC__
#define VERNIER_BOTH __host__ __device__
#else
#define VERNIER_BOTH
#endif

namespace vernier {

/// The terms of a sum, in order: chunks of kSumChunk consecutive terms; within a chunk lane j adds the terms j, j +
/// kSumLanes, ..., lanes are added in pairs (lane j takes lane j + 16, then j + 8, ... j + 1), and the chunks one after
/// another. In double; a vector unit, a warp and a loop then agree in every bit.
inline constexpr std::int64_t kSumLanes = 32, kSumChunk = 4096;

/// One chunk of at most kSumChunk terms.
template <class Term>
double chunk_sum(std::int64_t count, const Term& term) {
  std::array<double, kSumLanes> lanes{};
  for (std::int64_t i = 0; i < count; ++i) lanes[static_cast<std::size_t>(i % kSumLanes)] += term(i);
  for (std::size_t half = kSumLanes / 2; half > 0; half /= 2)
    for (std::size_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  return lanes[0];
}

template <class Term>
double ordered_sum(std::int64_t count, const Term& term) {
  double sum = 0;
  for (std::int64_t start = 0; start < count; start += kSumChunk)
    sum += chunk_sum(std::min(kSumChunk, count - start), [&](std::int64_t i) { return term(start + i); });
  return sum;
}

/// The scale `rms`: sqrt(sum of squares / count) * multiple / largest, in double, rounded once.
VERNIER_BOTH inline float rms_scale(double squares, double count, double multiple, double largest) {
  return static_cast<float>(std::sqrt(squares / count) * multiple / largest);
}

/// Where the scale `lsq` begins: 2 mean |x| / sqrt(largest), in double, rounded once.
VERNIER_BOTH inline float lsq_scale(double magnitudes, double count, double largest) {
  return static_cast<float>(2 * (magnitudes / count) / std::sqrt(largest));
}

/// The scale `mse` tries multiples of absmax / largest in 256ths: kCoarse apart up to twice it, then one by one around
/// the best. The error of a multiple is the ordered sum of (x - q s)^2. The first of equals stays, and absmax / largest
/// itself comes first.
inline constexpr std::int64_t kMseWhole = 256, kMseCoarse = 8, kMseMost = 512;

VERNIER_BOTH inline float mse_candidate(float whole, std::int64_t multiple) {
  return whole * (static_cast<float>(multiple) / static_cast<float>(kMseWhole));
}

/// The best multiple by `error`, which gives that of one.
template <class Error>
std::int64_t best_mse_multiple(const Error& error) {
  std::int64_t best = kMseWhole;
  double least = error(best);
  const auto consider = [&](std::int64_t multiple) {
    if (const double found = error(multiple); found < least) {
      best = multiple;
      least = found;
    }
  };
  for (std::int64_t multiple = kMseCoarse; multiple <= kMseMost; multiple += kMseCoarse) consider(multiple);
  const std::int64_t middle = best;
  for (std::int64_t by = 1 - kMseCoarse; by < kMseCoarse; ++by)
    if (by != 0) consider(middle + by);
  return best;
}

}  // namespace vernier
