// What runs that differ in their seed alone say about the noise of a loss.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "law/point.h"

namespace vernier::fit {

/// The standard deviation of ln L from seed to seed, as a power of N:  sigma(N) = sigma (N/N0)^exponent.
///
/// Estimated from all cells (runs alike in N, D, precision and quantization afterwards) with two or more seeds: gamma
/// regression of their variances on ln N with a logarithmic link (McCullagh and Nelder, "Generalized linear models",
/// chapter 8). The exponent is 0 unless the cells tell it from 0 at 90 %.
struct SeedNoise {
  double sigma = 0;          ///< of ln L, at N0 [1]
  double exponent = 0;       ///< [1]
  double params = 0;         ///< N0, geometric mean over the cells [1]
  std::int64_t cells = 0;    ///< with two or more seeds
  std::int64_t degrees = 0;  ///< runs in them less cells
  double at(double n) const;
};

/// Absent where no cell holds two runs that state different seeds, or where those agree to the last digit.
std::optional<SeedNoise> seed_noise(const std::vector<law::RunPoint>& points);

/// Gives every run the weight 1/sigma(N)^2 over its mean, kept between 0.1 and 10. All weights stay 1 where the noise
/// does not depend on N.
void weigh_by(const SeedNoise& noise, std::vector<law::RunPoint>& points);

}  // namespace vernier::fit
