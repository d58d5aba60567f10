// All runs of one precision taken together: N_eff/N by the laws, density by the reference, side by side.
#pragma once

#include <vector>

#include "report/report.h"

namespace vernier::report {

/// One row per precision in `data`, unrounded first, then bits falling. Density is the median of rho over the runs, a
/// run beyond the reference's reach counting as infinitely dense; its interval comes from replicates that take both a
/// bootstrap replicate of the reference and a resample of the runs. `curve` and `free` (the law `free_eff`) may be
/// null.
std::vector<Format> formats_of(const fit::Data& data, const fit::FitSummary* reference, const fit::FitSummary* free,
                               const fit::FitSummary* curve, std::int64_t seed);

/// `point` with every rounded part at `bits`.
law::RunPoint at_bits(law::RunPoint point, double bits);

/// N_eff/N of a point with its 90 % interval over the replicates; absent where the law does not reach the point.
std::optional<fit::Interval> share_of(const fit::FitSummary& law, const law::RunPoint& point);

/// Which parts are rounded: "weights + activations + kv"; "none".
std::string parts_of(const law::RunPoint& point);

/// Bits of a stored weight; of the narrowest rounded part where weights are not rounded.
double bits_of(const law::RunPoint& point);

/// The rounded points' most frequent choice of parts, as one of these points; nullptr where nothing is rounded.
const law::RunPoint* typical_point(const std::vector<law::RunPoint>& points);

/// Bits that maximise N_eff/N per bit (LAWS.md, section 6: cost proportional to P), searched from 1 to 32 bits.
std::optional<BestBits> best_bits(const fit::FitSummary& law, const law::RunPoint& typical);

}  // namespace vernier::report
