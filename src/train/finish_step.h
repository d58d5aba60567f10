// The end of a step of stacked members: norms, clipping, AdamW, on the device where they lie.
#pragma once

#include <ATen/core/Tensor.h>

#include "record/run_spec.h"
#include "train/cuda/arithmetic.h"

namespace vernier::train {

/// What a training spec says of every step.
cuda::Constants constants_of(const TrainingSpec& training);

/// What the host says of the step that is number `count`, from 1, at a learning rate.
cuda::Rates rates_of(const TrainingSpec& training, double learning_rate, std::int64_t count);

/// Squares the gradients, says which members go on and how far their gradients are clipped, and updates their weights
/// as adam() does. Both devices give the same bits.
void finish_step(const cuda::Storages& storages, const cuda::Constants& constants, const cuda::StepMemory& memory,
                 const at::Device& device);

}  // namespace vernier::train
