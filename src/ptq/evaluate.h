// A run's model before and after, on the corpus that it was trained and evaluated on.
#pragma once

#include <memory>
#include <vector>

#include "data/corpus.h"
#include "ptq/quantize.h"
#include "train/cohort.h"

namespace vernier::ptq {

/// What a run's model is calibrated and evaluated with.
struct Ground {
  std::shared_ptr<const data::Corpus> corpus;
  RunSpec spec;
  at::Device device{at::kCPU};
  int threads = 1;
};

/// The first sequences that training read, as many as asked for and as there are.
Calibration calibration_from(const Ground& ground, std::int64_t sequences);

/// A model of the run's shape: its weights, and the numbers that it computes with.
struct Variant {
  NumbersSpec numbers;
  at::Tensor weights_P;
};

/// The loss of each on the run's held-out tokens, and its tasks where the run has some, batch by batch as when the run
/// was recorded; absent where the loss is not finite.
std::vector<std::optional<train::Evaluation>> evaluated(const Ground& ground, const std::vector<Variant>& variants);

/// Every task, several at a time: the rows of ptq.csv. `loss_before` is the run's recorded loss.
std::vector<PostTrained> post_trained(const Ground& ground, const train::Checkpoint& checkpoint, double loss_before,
                                      const std::vector<PtqTask>& tasks, std::int64_t calibration_sequences);

}  // namespace vernier::ptq
