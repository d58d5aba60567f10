// A run's trained model made smaller, trained further and evaluated: rows of compressed.csv.
#pragma once

#include <atomic>

#include "ptq/evaluate.h"
#include "record/compression.h"

namespace vernier::compress {

/// Share of the steps over which the rate of a pruned model rises again before it falls to 0.
inline constexpr double kWarmupShare = 0.1;

/// How a pruned model is trained further: with the run's optimiser, batch and clip, over a linear warm-up and a linear
/// fall to 0 from the task's learning rate, or from the run's own top rate.
///
/// source  retraining at the rates of training, not at its last one: Renda et al., arXiv 2003.02389 ("learning rate
///         rewinding"); falling linearly from the top to 0 within whatever tokens there are: Zimmer et al.,
///         arXiv 2111.00843, section 3 ("linear learning rate restarting")
TrainingSpec retraining_of(const RunSpec& run, const CompressionTask& task);

/// Makes the variant of `task` from a run's model and evaluates it as the run was, all by the thread that calls;
/// several threads may each make one. What is trained reads the sequences that follow those of the run.
///
/// ground      of the run, whose numbers are all fp32
/// checkpoint  the run's model, not changed
/// task        checked: a share for a pruning, a smaller shape with its heads for a distillation, whole steps
/// returns     a function of run and task; no loss where it was not finite on the way or at the end
/// throws      Interrupted when `stop` becomes true, Error where the run is rounded
Compressed compressed(const ptq::Ground& ground, const train::Checkpoint& checkpoint, const CompressionTask& task,
                      const std::atomic<bool>& stop);

}  // namespace vernier::compress
