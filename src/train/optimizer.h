// The optimiser step over members' flat storages.
#pragma once

#include <span>

#include "model/layout.h"
#include "train/adam.h"
#include "train/muon.h"

namespace vernier::train {

/// One step of the optimiser that the spec names, on flat tensors [P] of this layout: matrices decay, gains and learned
/// scales do not. `gradient` is set to zero. Adam and AdamW allocate nothing on a CPU.
void optimise(const TrainingSpec& training, const model::Layout& layout, const OptimizerStep& step, at::Tensor& weights,
              at::Tensor& first_moment, at::Tensor& second_moment, at::Tensor& gradient);

/// The same for members of one layout at once; their products are batched where the optimiser has any.
void optimise(const TrainingSpec& training, const model::Layout& layout, std::span<const MemberStep> members);

}  // namespace vernier::train
