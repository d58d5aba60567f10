// One wave of a cohort on its way: trunk to each branch point, branch, evaluation, publication.
#pragma once

#include <atomic>
#include <filesystem>

#include "store/store.h"
#include "sweep/executor.h"
#include "sweep/progress.h"
#include "sweep/remainder.h"

namespace vernier::sweep {

/// What all waves of an execution share.
struct Site {
  const plan::Experiment& experiment;
  const store::Store& store;
  Machine machine;
  Progress& progress;
  const std::atomic<bool>& stop;
  double save_every = 0;  ///< [s]
};

/// Where the states of a cohort lie while it is trained.
std::filesystem::path states_folder(const store::Store& store, const plan::Cohort& cohort);

/// Trains all members of `wave` at the same time and publishes their runs. Continues from states in the cohort's
/// folder, where there are any. Throws Interrupted when `stop` becomes true.
Outcome train_wave(Remainder wave, bool recompute, const Site& site);

}  // namespace vernier::sweep
