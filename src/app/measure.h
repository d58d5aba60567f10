// The speed of this machine, as training shows it. Defined beside the verbs that train; absent without LibTorch.
#pragma once

#include <optional>

#include "plan/memory.h"
#include "plan/speeds.h"

namespace vernier::app {

/// Tokens per second, summed over members, of a short training of this cohort here; absent in a build that cannot
/// train.
std::optional<double> measured_speed(const plan::Cohort& cohort);

/// Free memory of the device that training would take, and its workers.
plan::Resources resources_here();

/// What the store remembers of this machine's speed.
plan::SpeedBook speeds_here(const std::filesystem::path& store);

}  // namespace vernier::app
