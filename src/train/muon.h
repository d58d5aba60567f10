// Muon: momentum made orthogonal, for the matrices of the blocks.
#pragma once

#include <span>

#include "model/layout.h"
#include "train/adam.h"

namespace vernier::train {

/// One member's step.
struct MemberStep {
  OptimizerStep step;
  OptimizerState state;
};

/// About U V^T of every matrix x = U S V^T: five steps of the quintic iteration of Newton and Schulz
///
///   x <- a x + (b g + c g^2) x,   g = x x^T,   from x / |x|,   (a, b, c) as Jordan et al. chose them
///
/// which leaves singular values between about 0.7 and 1.2. In fp32, where torch.optim.Muon rounds to bf16.
///
/// x_MRC    [matrices, rows, columns], rows <= columns
/// source   K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024
at::Tensor orthogonalised(const at::Tensor& x_MRC);

/// One step of Muon, as torch.optim.Muon with Nesterov momentum and decoupled decay, on the matrices of the blocks;
/// query, key, value, gate and up are matrices of their own. The momentum lies in first_moment, second_moment stays
/// zero. Everything else in the storage takes AdamW. Matrices of one shape, transposed where they are tall, are
/// multiplied in one batch, over all members given. Gradients are set to zero.
void muon(const TrainingSpec& training, const model::Layout& layout, std::span<const MemberStep> members);

}  // namespace vernier::train
