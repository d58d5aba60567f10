// Stacked members of one layout, trained without a word from the host within a step: tokens, rates and keys of draws
// are on the device before the first of several steps, losses and norms are read after the last. On a CUDA device a
// step is recorded once, as a CUDA graph, and repeated; a CPU does the same step by step, which is how the tests see
// it.
//
// Axes: K cohort member, S step, B sequence, T position, P parameter.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "model/transformer.h"
#include "train/cuda/device.h"
#include "train/finish_step.h"

namespace vernier::train {

struct StackedSpec {
  model::Transformer cohort;  ///< its parameters are the stack's to set
  TrainingSpec training;
  std::function<std::vector<model::Rules>(std::int64_t step)> rules;
  std::int64_t most_steps = 1;  ///< in one call of `run`
  bool records = true;          ///< else every step is asked for anew, on a GPU too
};

class Stacked {
 public:
  Stacked(StackedSpec spec, std::int64_t members, at::Device device);

  /// The storages [K, P] of the weights and of both moments, to be copied from and to.
  at::Tensor weights_KP, first_moment_KP, second_moment_KP;

  struct Chunk {
    std::int64_t first_step = 0;
    at::Tensor tokens_SBT1;          ///< int64, on the device
    std::vector<cuda::Rates> rates;  ///< [S, K]
  };
  /// Starts the steps of a chunk; does not wait for them on a GPU. A member whose loss or gradient was not finite is no
  /// longer changed.
  void run(const Chunk& chunk);

  /// Waits. Losses and norms of the last chunk, [S, K].
  std::vector<cuda::Found> found();

  /// Every member takes part again.
  void activate();

  /// Whether steps are repeated from a recording by now.
  bool is_recorded() const { return recorded_ != nullptr; }

 private:
  void start(const Chunk& chunk);
  void one_step(std::int64_t step);
  void issue();
  void finish(const at::Tensor& loss_K);
  void repeat();
  void learn_keys();
  void upload_keys();
  void set_rules(std::int64_t step);

  StackedSpec spec_;
  std::int64_t members_;
  at::Device device_;
  at::Tensor gradient_KP_, partials_, factors_K_, active_K_;
  at::Tensor place_, tokens_SBT1_, rates_SK3_, keys_SN_, keys_N_, found_SK2_;  ///< `place_` of a step in its chunk
  std::vector<at::Tensor> gradients_;                                          ///< views of gradient_KP_
  model::KeyTable table_;
  std::shared_ptr<cuda::Recorded> recorded_;
  std::int64_t first_step_ = 0, steps_ = 0, issued_ = 0;
};

}  // namespace vernier::train
