// When a run on its way is looked at: its held-out loss and its tasks, put into the row of its curve.
//
// Which steps these are depends on the run alone, so that its curve is the same whatever other runs share its trunk:
//
//   4^i steps    from where so many steps have cost half of what a look costs, and
//   its own last step at the constant rate, where a cool-down follows.
//
// The first ones see models that know little, which a law from loss to score needs. The looks at 4^i steps happen on
// the trunk where the run is on it, once for all that leave it later: of a trunk that reads 25 times what a look costs
// they are an eighth, of one four times as long a twenty-fifth.
#pragma once

#include <cstdint>
#include <optional>

#include "plan/cohorts.h"

namespace vernier::sweep {

/// The first step after `step` of the form 4^i at which the cohort's runs are looked at; absent where there are no
/// tasks.
std::optional<std::int64_t> next_look(const plan::Cohort& cohort, std::int64_t step);

}  // namespace vernier::sweep
