// The optimiser step over a member's flat storage.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "record/run_spec.h"

namespace vernier::train {

struct AdamWStep {
  double learning_rate;
  double gradient_factor;  ///< from clipping
  std::int64_t step;       ///< counted from 1
};

/// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101, as in torch.optim.AdamW) on flat tensors [P]; the first
/// `decayed` elements decay. `gradient` is set to zero.
void adamw(const TrainingSpec& training, const AdamWStep& step, std::int64_t decayed, at::Tensor& weights,
           at::Tensor& first_moment, at::Tensor& second_moment, at::Tensor& gradient);

}  // namespace vernier::train
