// Optimiser and schedule of an experiment: that they are known, and have the keys that go with them and no others.
#pragma once

#include "plan/experiment.h"
#include "plan/findings.h"

namespace vernier::plan {

void check_choices(const TrainingAsked& training, Findings& findings);

}  // namespace vernier::plan
