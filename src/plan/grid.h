// The grid of an experiment as the runs it asks for.
#pragma once

#include <vector>

#include "plan/experiment.h"
#include "record/run_spec.h"

namespace vernier::plan {

/// One run that is asked for on its own.
RunSpec run_of(const Experiment& experiment, const RunAsked& run);

/// Every run of the grid, once, in the order sizes, learning rates, numbers, seeds, tokens as the file lists them, then
/// those of grid.runs. The corpus must have been opened (its vocabulary is part of a shape); a run's name is
/// run_id(spec, experiment.corpus_digest).
std::vector<RunSpec> runs_of(const Experiment& experiment);

/// Those of the experiment's own recipe: laws of size, data and precision hold for one recipe at a time.
std::vector<RunSpec> runs_of_recipe(const Experiment& experiment);

}  // namespace vernier::plan
