#include "record/training.h"

#include "record/training_choices.h"

namespace vernier {

namespace {

std::optional<std::string> unless_default(const std::string& name, std::string_view usual) {
  return name == usual ? std::nullopt : std::optional(name);
}

/// What only some optimisers and schedules have.
void choose(const RecipeTraining& recipe, TrainingSpec& training) {
  training.optimizer = unless_default(recipe.optimizer, kDefaultOptimizer);
  training.schedule = unless_default(recipe.schedule, kDefaultSchedule);
  if (optimizer_of(training) == Optimizer::Muon) {
    training.momentum = recipe.momentum.value_or(kDefaultMomentum);
    training.adjust_lr = recipe.adjust_lr.value_or(std::string(kDefaultAdjustLr));
  }
  if (schedule_of(training).needs_horizon) training.final_rate = recipe.final_rate.value_or(kDefaultFinalRate);
  training.cooldown = schedule_of(training).cools_down ? recipe.cooldown.value_or(kDefaultCooldown) : 0;
}

}  // namespace

TrainingSpec training_by(const RecipeTraining& recipe, std::int64_t batch, double learning_rate,
                         std::int64_t warmup_tokens) {
  TrainingSpec training{.batch = batch,
                        .learning_rate = learning_rate,
                        .warmup_tokens = warmup_tokens,
                        .beta1 = recipe.beta1,
                        .beta2 = recipe.beta2,
                        .epsilon = recipe.epsilon,
                        .weight_decay = recipe.weight_decay,
                        .clip = recipe.clip};
  choose(recipe, training);
  return training;
}

}  // namespace vernier
