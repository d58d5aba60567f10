// Adam and AdamW over a part of a member's flat storage.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "record/run_spec.h"

namespace vernier::train {

/// What changes from step to step.
struct OptimizerStep {
  double learning_rate;
  double gradient_factor;  ///< from clipping
  std::int64_t step;       ///< counted from 1
};

/// What one member's optimiser works on: flat tensors [P].
struct OptimizerState {
  at::Tensor &weights, &first_moment, &second_moment, &gradient;
};

/// Elements [begin, end) of a flat storage.
struct Range {
  std::int64_t begin, end;
};

enum class Decay {
  None,
  Decoupled,   ///< w (1 - rate weight_decay), beside the step: AdamW
  InGradient,  ///< weight_decay w is part of the gradient: Adam with L2, whose moments see it
};

/// One step of Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1; as torch.optim.Adam) or AdamW (Loshchilov and Hutter,
/// arXiv 1711.05101, algorithm 2; as torch.optim.AdamW) on a part of the storage. Its gradient is set to zero.
void adam(const TrainingSpec& training, const OptimizerStep& step, Decay decay, Range part,
          const OptimizerState& state);

}  // namespace vernier::train
