// What an experiment costs: tokens, FLOPs, seconds, bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plan/cohorts.h"
#include "record/run_record.h"

namespace vernier::plan {

/// Measured training speed for a shape with so many members in its cohort, summed over members [tokens per second];
/// absent where nothing was measured.
using Speed = std::function<std::optional<double>(const Cohort& cohort)>;

struct Cost {
  std::int64_t runs = 0, cohorts = 0;
  Tokens tokens;
  double flops = 0;               ///< of trunks and branches, forward and backward [FLOP]
  double flops_separate = 0;      ///< if every run were trained from its start [FLOP]
  std::optional<double> seconds;  ///< absent without a measured speed
  double bytes = 0;  ///< on disk: a checkpoint (4 bytes per parameter), the curve and the record of each run
};

/// FLOPs are training_flops_per_token (record/recipe.h) times the tokens of trunks and branches. Seconds are those
/// tokens, and the validation of every run at a third of its tokens (forward without backward), over the speed.
Cost cost_of(const std::vector<Cohort>& cohorts, const Speed& speed);

/// The speed that earlier runs show: tokens that they made the machine compute over the seconds they recorded. A shape
/// that has not run yet gets that of the shape nearest in size, by FLOPs per token.
Speed speed_from(const std::vector<StoredRun>& runs);

}  // namespace vernier::plan
