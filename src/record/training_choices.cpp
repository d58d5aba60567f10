#include "record/training_choices.h"

#include <algorithm>
#include <cmath>

namespace vernier {

Steps steps_of(const TrainingSpec& training, std::int64_t total) {
  const ScheduleRow& schedule = schedule_of(training);
  const double share = schedule.needs_horizon ? 1 : schedule.cools_down ? training.cooldown : 0;
  Steps steps{.total = total};
  if (share > 0)
    steps.cooldown =
        std::clamp<std::int64_t>(std::llround(share * static_cast<double>(total)), 1, std::max<std::int64_t>(1, total));
  steps.leave = total - steps.cooldown;
  return steps;
}

}  // namespace vernier
