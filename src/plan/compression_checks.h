// Of `compression:` in an experiment: that every variant is one that can be made, and is made of something.
#pragma once

#include "plan/experiment.h"
#include "plan/findings.h"

namespace vernier::plan {

/// The experiment has `compression:`. What it says of other keys must have been judged before.
void check_compression(const Experiment& experiment, Findings& findings);

}  // namespace vernier::plan
