// Trains what an experiment's store does not hold yet, cohort by cohort, on this machine.
#pragma once

#include <atomic>
#include <optional>

#include "plan/cohorts.h"
#include "store/store.h"
#include "sweep/machine.h"

namespace vernier::sweep {

struct Outcome {
  std::int64_t trained = 0;       ///< runs published by this call
  std::int64_t diverged = 0;      ///< of them
  std::int64_t tokens = 0;        ///< trained on by this call, summed over members
  std::int64_t post_trained = 0;  ///< runs that were stored already and got rows of ptq.csv by this call
  std::int64_t compressed = 0;    ///< rows of compressed.csv that this call made
};

/// How to go about it; no result depends on it.
struct ExecuteOptions {
  double save_every = 20;                       ///< seconds between two saves of a state on its way
  std::optional<std::int64_t> members_at_once;  ///< of a cohort; absent: by memory and measured speed
};

/// Trains every missing run of the experiment's grid and publishes each as soon as it is done, quantized after training
/// in all the ways that the experiment asks for; runs that were there get the rows of ptq.csv that they lack. Smaller
/// models are made of the runs of a cohort when all of them are done, each row kept as soon as it is there. A cohort
/// that another living process has claimed is waited for and never trained twice. Throws Interrupted when `stop`
/// becomes true: everything published stays, and the states on their way are saved, from which the next call continues
/// bit for bit.
Outcome execute(const plan::Experiment& experiment, const store::Store& store, const Machine& machine,
                const std::atomic<bool>& stop, const ExecuteOptions& options = {});

}  // namespace vernier::sweep
