// How far the estimates would move had other runs of the same kind been made.
#pragma once

#include "fit/resample.h"
#include "fit/search.h"

namespace vernier::fit {

struct Replicate {
  std::int64_t draw = 0;      ///< row of the times that it was fitted to
  std::vector<double> theta;  ///< in the units of the problem
};

/// One optimum for each row of `times` (fit/resample.h); those that are not finite are left out. Each is optimised anew
/// from the optimum of all runs, from other local optima and from fresh draws.
std::vector<Replicate> bootstrap(const Problem& problem, const Setting& setting, const Search& found, double delta,
                                 const Times& times, const Stream& stream, std::int64_t threads);

}  // namespace vernier::fit
