// Evaluation tasks: how well a model tells the true continuation of held-out tokens from others (data/cloze.h).
#pragma once

#include <cstdint>

namespace vernier {

/// Cloze multiple choice: a prefix from the held-out part, its true continuation and choices - 1 from elsewhere, all of
/// one length and of like frequency. Chance is 1 / choices.
struct ClozeSpec {
  std::int64_t items = 1024;  ///< questions
  std::int64_t choices = 4;   ///< k
  std::int64_t answer = 4;    ///< tokens of every choice
  std::int64_t prefix = 32;   ///< tokens before it
  std::int64_t seed = 1;      ///< of the choice of items

  template <class Archive>
  void fields(Archive& a) {
    a.optional("items", items);
    a.optional("choices", choices);
    a.optional("answer", answer);
    a.optional("prefix", prefix);
    a.optional("seed", seed);
  }
  bool operator==(const ClozeSpec&) const = default;
};

/// What a model made of the items; standard errors are over items.
struct TaskResult {
  double loss = 0, loss_se = 0;          ///< conditional: mean of -ln P(answer | prefix) / tokens [nats per token]
  double accuracy = 0, accuracy_se = 0;  ///< share of items whose answer is the likeliest of the choices [1]
  bool operator==(const TaskResult&) const = default;
};

}  // namespace vernier
