// How fast a cohort trains here, and how many of its members should be trained at the same time.
#pragma once

#include <limits>
#include <memory>

#include "data/corpus.h"
#include "plan/waves.h"
#include "sweep/machine.h"
#include "sweep/remainder.h"

namespace vernier::sweep {

/// Tokens per second, summed over members.
struct MeasuredSpeed {
  double mean = 0;     ///< what to expect of this machine as it is
  double fastest = 0;  ///< of a few steps; hardly disturbed by other programs, so that two sizes can be compared
};

/// Of a short training of this cohort, the first step left out: about `seconds`, and no more than `steps` steps.
MeasuredSpeed measured_speed(const plan::Cohort& cohort, const std::shared_ptr<const data::Corpus>& corpus,
                             const Machine& machine, double seconds,
                             std::int64_t steps = std::numeric_limits<std::int64_t>::max());

/// Where a cohort is about to be trained.
struct Workplace {
  Machine machine;
  plan::Resources resources;
  plan::SpeedBook speeds;
};

/// How many members of `rest` to train at the same time: by speeds that the store remembers or that are measured now,
/// for which no more than some percent of the predicted time of `rest` is spent.
plan::Waves chosen_waves(const Remainder& rest, const std::shared_ptr<const data::Corpus>& corpus,
                         const Workplace& workplace);

}  // namespace vernier::sweep
