// A tiny model, trained for a moment, with the run that it could be.
#pragma once

#include <torch/torch.h>

#include "ptq/evaluate.h"
#include "record/training.h"
#include "train/cohort.h"

namespace vernier::ptq {

struct Trained {
  Ground ground;
  train::Checkpoint checkpoint;
  double loss = 0;  ///< as training recorded it
};

inline Trained trained(const NumbersSpec& numbers, int threads = 1, const std::string& recipe = "2024-wsd",
                       std::int64_t steps = 200) {
  RunSpec run;
  run.seed = 1;
  run.corpus.oracle.vocab = 32;
  run.recipe = recipe;
  run.shape = {.depth = 2, .width = 32, .heads = 2, .context = 32, .vocab = 32};
  run.training = training_by(recipe_named(run.recipe), 4, 0.01, 0);
  run.numbers = numbers;
  run.validation_tokens = 2048;
  const auto corpus = data::open_corpus(run.corpus);
  const train::CohortTrainer trainer({run.shape, run.recipe, run.training, {{run.numbers, 0.01, run.seed}}, 2048},
                                     corpus, at::kCPU, threads);
  train::CohortState state = trainer.initial_state();
  const std::atomic<bool> go_on = false;
  trainer.advance(
      state, {steps, [](const train::Member& m, std::int64_t) { return m.learning_rate; }, {true}, false, {}}, go_on);
  return {{corpus, run, at::kCPU, threads},
          train::checkpoint_of({run.recipe, run.shape, run.numbers, run.seed}, state.members[0].weights_P),
          trainer.evaluate(state, {true})[0]->loss};
}

inline Trained trained(const std::string& weights = "fp32", const std::string& activations = "fp32", int threads = 1) {
  NumbersSpec numbers;
  numbers.weights = weights;
  numbers.activations = activations;
  return trained(numbers, threads);
}

inline Trained trained_by(const std::string& recipe) { return trained(NumbersSpec{}, 1, recipe, 20); }

}  // namespace vernier::ptq
