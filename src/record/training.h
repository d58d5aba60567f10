// What a recipe says about training; the rest of a TrainingSpec is asked for.
#pragma once

#include "record/recipe.h"

namespace vernier {

/// The recipe's optimiser and schedule with what an experiment must add: sequences per step, top rate, warm-up.
inline TrainingSpec training_by(const Recipe& recipe, std::int64_t batch, double learning_rate,
                                std::int64_t warmup_tokens) {
  return {.batch = batch,
          .learning_rate = learning_rate,
          .warmup_tokens = warmup_tokens,
          .cooldown = recipe.cooldown,
          .beta1 = recipe.beta1,
          .beta2 = recipe.beta2,
          .epsilon = recipe.epsilon,
          .weight_decay = recipe.weight_decay,
          .clip = recipe.clip};
}

}  // namespace vernier
