// Quantization after training, for the runs of an experiment that asks for it.
#pragma once

#include <atomic>

#include "plan/cohorts.h"
#include "store/store.h"
#include "sweep/executor.h"
#include "train/checkpoint.h"

namespace vernier::sweep {

/// The rows of ptq.csv that the experiment asks for and `run` lacks, from its trained model; none where it diverged.
std::vector<PostTrained> missing_post_trained(const plan::Experiment& experiment, const StoredRun& run,
                                              const train::Checkpoint& checkpoint, const Machine& machine);

/// True where a stored run of the cohort lacks rows that the experiment asks for.
bool lacks_post_trained(const plan::Experiment& experiment, const plan::Cohort& cohort, const store::Store& store);

/// Adds those rows, from the checkpoints of the runs; the number of runs that got some. Throws Interrupted between two
/// runs when `stop` becomes true, and Error where a checkpoint cannot be read.
std::int64_t add_post_trained(const plan::Experiment& experiment, const plan::Cohort& cohort, const store::Store& store,
                              const Machine& machine, const std::atomic<bool>& stop);

}  // namespace vernier::sweep
