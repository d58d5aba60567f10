// What happened in one run: the only bridge from training to analysis. A missing value is absent, never 0 or -1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/compression.h"
#include "record/run_spec.h"

namespace vernier {

/// Parameters, or FLOPs, by the role of the matrices they belong to.
struct CountByRole {
  double embedding = 0, attention = 0, mlp = 0, norm = 0, head = 0;

  template <class Archive>
  void fields(Archive& a) {
    a("embedding", embedding);
    a("attention", attention);
    a("mlp", mlp);
    a("norm", norm);
    a("head", head);
  }
  double non_embedding() const { return attention + mlp + norm; }  ///< blocks and final norm
  double total() const { return embedding + attention + mlp + norm + head; }
  bool operator==(const CountByRole&) const = default;
};

struct RunRecord {
  std::string status;                       ///< done | diverged
  std::optional<std::int64_t> diverged_at;  ///< step
  std::string experiment;                   ///< name of the experiment that made the run first
  std::vector<std::string> set;             ///< its --set overrides
  std::string corpus_digest;
  std::string recipe_date;            ///< YYYY-MM-DD
  std::optional<double> loss_train;   ///< mean over the last steps [nats per token]
  std::optional<double> loss_val;     ///< [nats per token]
  std::optional<double> loss_val_se;  ///< standard error of loss_val over the held-out sequences [nats per token]
  std::optional<double>
      loss_floor;  ///< entropy of the same held-out tokens, where the corpus knows it [nats per token]
  std::optional<double> bits_per_byte;             ///< of text corpora
  std::optional<double> task_loss, task_accuracy;  ///< as TaskResult
  std::optional<double> task_loss_se, task_accuracy_se;
  std::optional<double> task_loss_floor, task_accuracy_ceiling;  ///< of a model that knows the corpus' probabilities
  CountByRole parameters;
  CountByRole flops;  ///< of training, forward and backward, as if the run had been trained alone
  std::int64_t steps = 0;
  std::int64_t batch_tokens = 0;
  std::string carrier;                ///< what carried the products: fp32 | bf16 | fp16
  std::optional<std::string> parent;  ///< the trunk that this branch left
  std::string device;                 ///< cpu | cuda and its name
  std::int64_t threads = 0;
  double seconds = 0;  ///< this run's share of its cohort's time
  std::string host, version;

  template <class Archive>
  void fields(Archive& a) {
    a("status", status);
    a.optional("diverged_at", diverged_at);
    a("experiment", experiment);
    a.optional("set", set);
    a("corpus_digest", corpus_digest);
    a("recipe_date", recipe_date);
    a.optional("loss_train", loss_train);
    a.optional("loss_val", loss_val);
    a.optional("loss_val_se", loss_val_se);
    a.optional("loss_floor", loss_floor);
    a.optional("bits_per_byte", bits_per_byte);
    a.optional("task_loss", task_loss);
    a.optional("task_accuracy", task_accuracy);
    a.optional("task_loss_se", task_loss_se);
    a.optional("task_accuracy_se", task_accuracy_se);
    a.optional("task_loss_floor", task_loss_floor);
    a.optional("task_accuracy_ceiling", task_accuracy_ceiling);
    a("parameters", parameters);
    a("flops", flops);
    a("steps", steps);
    a("batch_tokens", batch_tokens);
    a("carrier", carrier);
    a.optional("parent", parent);
    a("device", device);
    a("threads", threads);
    a("seconds", seconds);
    a("host", host);
    a("version", version);
  }
};

/// One row of curve.csv.
struct CurvePoint {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  double learning_rate = 0;
  double loss_train = 0;           ///< mean since the row before [nats per token]
  std::optional<double> loss_val;  ///< measured at few rows only
  double gradient_norm = 0;        ///< before clipping
  std::optional<TaskResult> cloze =
      std::nullopt;  ///< of this checkpoint, where tasks were asked for and it was looked at
};
using Curve = std::vector<CurvePoint>;

/// One row of ptq.csv: the loss after the weights were quantized, on the run's held-out tokens. Both are absent where
/// the loss was not finite.
struct PostTrained {
  std::string method;           ///< of kPtqMethods
  std::string weights;          ///< number string
  std::optional<double> loss;   ///< [nats per token]
  std::optional<double> delta;  ///< loss - loss_val of the run [nats per token]
  std::optional<TaskResult> cloze = std::nullopt;
};

/// A run as the store holds it.
struct StoredRun {
  std::string id;
  RunSpec spec;
  RunRecord record;
  Curve curve;
  std::vector<PostTrained> post_trained;    ///< empty where nobody asked for any
  std::vector<Compressed> compressed = {};  ///< likewise
};

}  // namespace vernier
