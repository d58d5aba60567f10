// How far the estimates would move had other runs of the same kind been made.
#pragma once

#include "fit/search.h"

namespace vernier::fit {

/// Parameter vectors, in the units of the problem, of `replicates` resamples; those without a finite optimum are left
/// out.
///
/// Runs are resampled with replacement within each precision, so every replicate has all of them. Where a cell (N, D,
/// precision) holds replicate seeds, whole cells are resampled. Each replicate is optimised anew from the optimum of
/// all runs, from other local optima and from fresh draws.
std::vector<std::vector<double>> bootstrap(const Problem& problem, const Setting& setting, const Search& found,
                                           double delta, std::int64_t replicates, Stream stream, std::int64_t threads);

/// Interval of one parameter from its replicates. `identified` is false when the interval touches a bound of the
/// admissible range, or is wider than half of the estimate (of 1, for offsets and other numbers that may be zero).
Interval interval_of(double value, std::vector<double> replicates, const law::Symbol& symbol, double upper);

}  // namespace vernier::fit
