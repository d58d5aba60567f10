// The speed of this machine, as training shows it. Defined beside the verbs that train; absent without LibTorch.
#pragma once

#include <optional>

#include "plan/cohorts.h"

namespace vernier::app {

/// Tokens per second, summed over members, of a short training of this cohort here; absent in a build that cannot
/// train.
std::optional<double> measured_speed(const plan::Cohort& cohort);

}  // namespace vernier::app
