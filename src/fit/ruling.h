// From an effect with its interval to a ruling, and where there is none, to the number of runs that would bring one.
#pragma once

#include "fit/hypothesis.h"

namespace vernier::fit {

inline constexpr const char* kNoRuns = "More runs of this kind cannot decide it";

/// Rules by the side of [lo, hi] on which the interval of the effect lies. The decision holds an effect with an
/// interval and the number of its runs.
void rule_by_interval(Decision& decision, double lo, double hi);

/// Rules on a difference, which has a margin, by that and by p; `one_sided` where it cannot be below zero.
void rule_by_difference(Decision& decision, bool one_sided);

}  // namespace vernier::fit
