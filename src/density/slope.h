// How a density moves with the amount of data.
#pragma once

#include <optional>
#include <vector>

#include "base/stream.h"
#include "fit/summary.h"

namespace vernier::density {

struct SlopeRow {
  double params = 0, tokens = 0;  ///< N, D
  double log_density = 0;
  const std::vector<double>* log_replicates = nullptr;
};

/// d ln rho / d ln D, by least squares with a constant for every N, of `replicates` replicates. Replicate k takes the
/// rows' k-th densities, those that are finite, and exponential weights for cells of one N and D; the interval is
/// widened by sqrt(m/(m - k)) t/z for k constants in m cells, as that of a trend (fit/trend.h). Absent where no N has
/// two D, and with fewer cells than constants and one.
std::optional<fit::Interval> slope_with_data(const std::vector<SlopeRow>& rows, std::size_t replicates,
                                             const Stream& stream);

}  // namespace vernier::density
