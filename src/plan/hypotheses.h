// The hypotheses of an experiment, read and checked.
#pragma once

#include <vector>

#include "fit/claim.h"
#include "plan/experiment.h"
#include "plan/findings.h"

namespace vernier::plan {

/// Adds what is wrong with each: claims that cannot be read, symbols and laws that are not known, data that the grid
/// does not make. The rest of the experiment has been checked.
void check_hypotheses(const Experiment& experiment, Findings& findings);

/// The hypotheses of a checked experiment, each with its law.
std::vector<fit::Hypothesis> hypotheses_of(const Experiment& experiment);

}  // namespace vernier::plan
