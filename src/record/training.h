// What a recipe says about training; the rest of a TrainingSpec is asked for.
#pragma once

#include "record/recipe.h"

namespace vernier {

inline constexpr double kDefaultCooldown = 0.2;  // of a recipe that has no schedule with one (arXiv 2405.18392)

/// The recipe's optimiser and schedule with what an experiment must add: sequences per step, top rate, warm-up. What
/// the optimiser or schedule does not have, and what is the default, is absent.
TrainingSpec training_by(const RecipeTraining& recipe, std::int64_t batch, double learning_rate,
                         std::int64_t warmup_tokens);
inline TrainingSpec training_by(const Recipe& recipe, std::int64_t batch, double learning_rate,
                                std::int64_t warmup_tokens) {
  return training_by(recipe.training, batch, learning_rate, warmup_tokens);
}

}  // namespace vernier
