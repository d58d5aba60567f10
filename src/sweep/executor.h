// Trains what an experiment's store does not hold yet, cohort by cohort, on this machine.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
#include <string>

#include "data/corpus.h"
#include "plan/cohorts.h"
#include "store/store.h"
#include "sweep/progress.h"

namespace vernier::sweep {

struct Machine {
  at::Device device{at::kCPU};
  int threads = 1;
};

/// The device that --device names: auto takes CUDA where there is one. Throws Error where the device is absent.
Machine machine_named(const std::string& device);

struct Outcome {
  std::int64_t trained = 0;       ///< runs published by this call
  std::int64_t diverged = 0;      ///< of them
  std::int64_t tokens = 0;        ///< trained on by this call, summed over members
  std::int64_t post_trained = 0;  ///< runs that were stored already and got rows of ptq.csv by this call
};

/// Trains every missing run of the experiment's grid and publishes each as soon as it is done, quantized after training
/// in all the ways that the experiment asks for; runs that were there get the rows of ptq.csv that they lack. A cohort
/// that another living process has claimed is waited for and never trained twice. Throws Interrupted when `stop`
/// becomes true: everything published stays, and the trunk is saved, from which the next call continues bit for bit.
Outcome execute(const plan::Experiment& experiment, const store::Store& store, const Machine& machine,
                const std::atomic<bool>& stop);

/// Tokens per second, summed over members, of a short training of this cohort, the first steps left out.
double measured_speed(const plan::Cohort& cohort, const std::shared_ptr<const data::Corpus>& corpus,
                      const Machine& machine, double seconds);

}  // namespace vernier::sweep
