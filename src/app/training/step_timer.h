// Training steps one at a time, so that two ways to train can be timed alternately.
#pragma once

#include <memory>

#include "record/run_spec.h"
#include "sweep/executor.h"
#include "train/cohort.h"

namespace vernier::app {

/// A cohort of members that differ in their seed, on an oracle corpus of the shape's vocabulary.
struct StepsAsked {
  ShapeSpec shape;
  std::string recipe = "2024-wsd";
  std::int64_t batch = 16, members = 1;
  NumbersSpec numbers = {};
  bool exact = false;
};

class StepTimer {
 public:
  StepTimer(const StepsAsked& asked, const sweep::Machine& machine);

  /// Trains one more step of every member and returns its seconds; on a GPU, which the host leaves alone for several
  /// steps, the mean of as many.
  double next();

 private:
  train::CohortTrainer trainer_;
  train::CohortState state_;
  std::vector<bool> all_;
};

}  // namespace vernier::app
