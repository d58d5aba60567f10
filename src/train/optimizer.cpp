#include "train/optimizer.h"

#include "record/training_choices.h"

namespace vernier::train {

void optimise(const TrainingSpec& training, const model::Layout& layout, std::span<const MemberStep> members) {
  const Optimizer optimizer = optimizer_of(training);
  if (optimizer == Optimizer::Muon) return muon(training, layout, members);
  const Decay decay = optimizer == Optimizer::Adam ? Decay::InGradient : Decay::Decoupled;
  for (const MemberStep& member : members) {
    adam(training, member.step, decay, {0, layout.decayed}, member.state);
    adam(training, member.step, Decay::None, {layout.decayed, layout.size}, member.state);
  }
}

void optimise(const TrainingSpec& training, const model::Layout& layout, const OptimizerStep& step, at::Tensor& weights,
              at::Tensor& first_moment, at::Tensor& second_moment, at::Tensor& gradient) {
  const MemberStep member{step, {weights, first_moment, second_moment, gradient}};
  optimise(training, layout, {&member, 1});
}

}  // namespace vernier::train
