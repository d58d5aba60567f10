// Which parameters the data know, and how well.
#pragma once

#include <vector>

#include "fit/curvature.h"
#include "fit/freedom.h"
#include "fit/search.h"
#include "fit/summary.h"

namespace vernier::fit {

/// The intervals of all parameters, from the replicates of the bootstrap (in natural units) and from profiles.
///
/// A parameter is identified when its profile closes on both sides within the admissible range, the 90 % interval of
/// the bootstrap touches no bound, and that interval is narrow: no wider than half of the estimate (of 1, for offsets
/// and other numbers that may be zero). A coefficient whose unit depends on an exponent moves by decades with it and
/// counts as known where its interval spans less than a factor of 3. Parameters that take part in a direction along
/// which no prediction changes are not identified whatever the replicates do. `with` names what makes up for a
/// parameter that is not identified.
///
/// problem, found    as searched, on `sample`
/// in_natural_units  the same for N and D as they are: there a scaled coefficient can be held for its profile
std::vector<Interval> intervals(const Problem& problem, const Problem& in_natural_units, const Setting& setting,
                                const Search& found, const Sample& sample, double delta,
                                const std::vector<std::vector<double>>& replicates, const Curvature& around,
                                std::int64_t threads);

}  // namespace vernier::fit
