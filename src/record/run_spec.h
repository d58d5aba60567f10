// What was asked of one run, resolved: everything that changes its result, and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "record/corpus.h"
#include "record/tasks.h"

namespace vernier {

/// One number string (DESIGN.md, section 3) for each part that may be rounded; fp32 means not rounded.
struct NumbersSpec {
  std::string weights = "fp32", activations = "fp32", kv = "fp32", attention = "fp32", gradients = "fp32";
  std::string embedding = "fp32", head = "fp32";  ///< weights of the first and last layer, unrounded as in Kumar et al.
  /// The gradient of an output where it enters the product that gives the gradient of the inputs, and of the weights;
  /// absent: as `gradients`.
  std::optional<std::string> input_gradients = std::nullopt, weight_gradients = std::nullopt;
  std::string rounding = "nearest";
  std::optional<std::string> backward_rounding = std::nullopt;  ///< of gradients; absent: as `rounding`
  std::string estimator = "identity";
  std::optional<std::string> rotation = std::nullopt;  ///< of the operands of products, before rounding; absent: none

  template <class Archive>
  void fields(Archive& a) {
    a.optional("weights", weights);
    a.optional("activations", activations);
    a.optional("kv", kv);
    a.optional("attention", attention);
    a.optional("gradients", gradients);
    a.optional("embedding", embedding);
    a.optional("head", head);
    a.optional("input_gradients", input_gradients);
    a.optional("weight_gradients", weight_gradients);
    a.optional("rounding", rounding);
    a.optional("backward_rounding", backward_rounding);
    a.optional("estimator", estimator);
    a.optional("rotation", rotation);
  }
  bool operator==(const NumbersSpec&) const = default;
};

struct ShapeSpec {
  std::int64_t depth = 0, width = 0, heads = 0, context = 0, vocab = 0;

  template <class Archive>
  void fields(Archive& a) {
    a("depth", depth);
    a("width", width);
    a("heads", heads);
    a("context", context);
    a("vocab", vocab);
  }
  bool operator==(const ShapeSpec&) const = default;
};

struct TrainingSpec {
  std::int64_t batch = 0;          ///< sequences per step
  double learning_rate = 0;        ///< at the top of the schedule
  std::int64_t warmup_tokens = 0;  ///< linear, from 0
  double cooldown = 0;             ///< share of all tokens over which wsd lets the rate fall to 0 as 1 - sqrt(progress)
  double beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  double clip = 0;                                      ///< largest global gradient norm of a member
  std::optional<std::string> optimizer = std::nullopt;  ///< absent: adamw; names stand in record/training_choices.h
  std::optional<double> momentum = std::nullopt;        ///< of muon alone
  std::optional<std::string> adjust_lr = std::nullopt;  ///< of muon alone: how a matrix' rate follows from its shape
  std::optional<std::string> schedule = std::nullopt;   ///< absent: wsd
  std::optional<double> final_rate = std::nullopt;      ///< share of the top, of schedules that fall to one

  template <class Archive>
  void fields(Archive& a) {
    a("batch", batch);
    a("learning_rate", learning_rate);
    a("warmup_tokens", warmup_tokens);
    a("cooldown", cooldown);
    a("beta1", beta1);
    a("beta2", beta2);
    a("epsilon", epsilon);
    a("weight_decay", weight_decay);
    a("clip", clip);
    a.optional("optimizer", optimizer);
    a.optional("momentum", momentum);
    a.optional("adjust_lr", adjust_lr);
    a.optional("schedule", schedule);
    a.optional("final_rate", final_rate);
  }
  bool operator==(const TrainingSpec&) const = default;
};

struct RunSpec {
  CorpusSpec corpus;
  std::string recipe;
  ShapeSpec shape;
  NumbersSpec numbers;
  TrainingSpec training;
  std::int64_t tokens = 0;             ///< D, tokens that the model is trained on [tokens]
  std::int64_t validation_tokens = 0;  ///< of the held-out part [tokens]
  std::int64_t seed = 0;               ///< of the initial weights
  bool exact = false;                  ///< fp32 carriers throughout, for checking
  std::optional<ClozeSpec> cloze;      ///< absent: no tasks

  template <class Archive>
  void fields(Archive& a) {
    a("corpus", corpus);
    a("recipe", recipe);
    a("shape", shape);
    a("numbers", numbers);
    a("training", training);
    a("tokens", tokens);
    a("validation_tokens", validation_tokens);
    a("seed", seed);
    a.optional("exact", exact);
    a.optional("cloze", cloze);
  }
};

/// The name of a run: a digest of its resolved spec, of its corpus and of the schema's version. 16 hexadecimal digits.
std::string run_id(const RunSpec& spec, const std::string& corpus_digest);

}  // namespace vernier
