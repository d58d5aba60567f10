// A tiny model, trained for a moment, and what is made of it.
#pragma once

#include "compress/compress.h"
#include "compress/distill.h"
#include "compress/prune.h"
#include "ptq/trained.h"
#include "train/schedule.h"

namespace vernier::compress {

inline const std::atomic<bool> kGoOn = false;

/// A model that has learnt its corpus well enough to miss what is taken from it.
inline ptq::Trained trained_run() {
  constexpr std::int64_t kSteps = 600;
  RunSpec run;
  run.seed = 1;
  run.corpus.oracle = {
      .seed = 1, .vocab = 32, .orders = 1, .candidates = 2, .token_zipf = 0.5, .order_decay = 0, .copy = 0};
  run.recipe = "2024-wsd";
  run.shape = {.depth = 2, .width = 32, .heads = 2, .context = 32, .vocab = 32};
  run.training = training_by(recipe_named(run.recipe), 4, 0.01, 0);
  run.tokens = kSteps * 4 * 32;
  run.validation_tokens = 4096;
  const auto corpus = data::open_corpus(run.corpus);
  const train::CohortTrainer trainer({run.shape, run.recipe, run.training, {{run.numbers, 0.01, run.seed}}, 4096},
                                     corpus, at::kCPU, 1);
  train::CohortState state = trainer.initial_state();
  const auto rate = [&](const train::Member&, std::int64_t step) {
    return train::rate_at(run.training, 0.01, step, 0, kSteps);
  };
  trainer.advance(state, {kSteps, rate, {true}, false, {}}, kGoOn);
  return {{corpus, run, at::kCPU, 1},
          train::checkpoint_of({run.recipe, run.shape, run.numbers, run.seed}, state.members[0].weights_P),
          trainer.evaluate(state, {true})[0]->loss};
}

/// Of a model of 2024-wsd, and its N.
inline model::Layout layout_of(const ShapeSpec& shape) { return model::layout_of(architecture_of("2024-wsd"), shape); }
inline double params_of(const ShapeSpec& shape) {
  return parameters_of(architecture_of("2024-wsd"), shape).non_embedding();
}

inline at::Tensor weights_of(const ptq::Trained& model) {
  return train::weights_of(model.checkpoint, model.checkpoint.config.numbers);
}

inline CompressionTask pruning(const std::string& method, double share, std::int64_t tokens) {
  return {
      .method = method, .share = share, .depth = {}, .width = {}, .heads = {}, .tokens = tokens, .learning_rate = {}};
}

inline CompressionTask student(std::int64_t depth, std::int64_t width, std::int64_t heads, std::int64_t tokens) {
  return {.method = "distilled",
          .share = {},
          .depth = depth,
          .width = width,
          .heads = heads,
          .tokens = tokens,
          .learning_rate = {}};
}

}  // namespace vernier::compress
