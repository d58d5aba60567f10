// A model on its way through further training, one step after another by the thread that calls.
//
// Axes: B sequence, T position, P parameter of a member's flat storage.
#pragma once

#include <atomic>
#include <functional>

#include "ptq/evaluate.h"
#include "train/checkpoint.h"

namespace vernier::compress {

struct Learner {
  train::CheckpointConfig config;
  model::Layout layout;
  at::Tensor weights_P, gradient_P, first_moment_P, second_moment_P;
};

/// A learner with these weights, copied, that has no moments yet.
Learner learner_of(const train::CheckpointConfig& config, const at::Tensor& weights_P);

/// The learner's model as differentiable tensors: a backward pass adds into gradient_P.
model::Transformer differentiable(const Learner& learner);

/// What a learner learns of a batch tokens_BT1 [B, T + 1]: returns the mean loss [nats per token] and leaves its
/// gradient in the learner's gradient_P, which was zero. Holds on to the learner's storages.
using Lesson = std::function<double(const at::Tensor& tokens_BT1)>;

/// The loss of the next token, for batches of `batch` sequences.
Lesson next_tokens(const Learner& learner, std::int64_t batch);

struct Course {
  TrainingSpec training;  ///< optimiser, clip, schedule and its top rate
  std::int64_t warmup_steps = 0, steps = 0;
  std::int64_t first_sequence = 0;  ///< of the corpus' training part
  at::Tensor kept_P;                ///< parameters at 0 in it stay 0, and so do their moments; undefined: none
};

/// Trains the learner. Sequences are read in the corpus' order from the course's first one on; where the corpus has no
/// more, from its first one on again. The batches, and so the result, depend on nothing but what is given.
///
/// returns  false where a loss or gradient was not finite; the learner is then what it was before that step
/// throws   Interrupted between two steps when `stop` becomes true
bool teach(Learner& learner, const Lesson& lesson, const Course& course, const data::Corpus& corpus,
           const std::atomic<bool>& stop);

}  // namespace vernier::compress
