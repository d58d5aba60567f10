#include "store/dataset.h"

#include <algorithm>
#include <cmath>

#include "format/number.h"
#include "record/training_choices.h"
#include "store/csv.h"
#include "store/files.h"
#include "store/run_folder.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

template <class T>
Value optional_value(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}

/// Parameters are whole numbers, held as doubles because laws take them so.
Value count(double parameters) { return static_cast<std::int64_t>(std::llround(parameters)); }

Value bits(const std::string& number) { return parse_number(number).bits(); }

using Run = const StoredRun&;
constexpr auto kInteger = ColumnType::Integer;
constexpr auto kNumber = ColumnType::Number;
constexpr auto kText = ColumnType::Text;

constexpr std::array kRunColumns{
    RunColumn{"run_id", kText, "digest of the resolved spec, the corpus and the schema",
              [](Run r) -> Value { return r.id; }},
    RunColumn{"experiment", kText, "the experiment that made the run first",
              [](Run r) -> Value { return r.record.experiment; }},
    RunColumn{"corpus", kText, "kind of corpus", [](Run r) -> Value { return r.spec.corpus.kind; }},
    RunColumn{"corpus_digest", kText, "digest of the corpus", [](Run r) -> Value { return r.record.corpus_digest; }},
    RunColumn{"recipe", kText, "what the model is made of and how it is trained",
              [](Run r) -> Value { return r.spec.recipe; }},
    RunColumn{"recipe_date", kText, "of the recipe's source [YYYY-MM-DD]",
              [](Run r) -> Value { return r.record.recipe_date; }},
    RunColumn{"depth", kInteger, "layers", [](Run r) -> Value { return r.spec.shape.depth; }},
    RunColumn{"width", kInteger, "channels of the residual stream", [](Run r) -> Value { return r.spec.shape.width; }},
    RunColumn{"heads", kInteger, "attention heads of a layer", [](Run r) -> Value { return r.spec.shape.heads; }},
    RunColumn{"context", kInteger, "longest sequence [tokens]", [](Run r) -> Value { return r.spec.shape.context; }},
    RunColumn{"vocab", kInteger, "size of the vocabulary [tokens]", [](Run r) -> Value { return r.spec.shape.vocab; }},
    RunColumn{"n_embedding", kInteger, "parameters of the embedding",
              [](Run r) { return count(r.record.parameters.embedding); }},
    RunColumn{"n_attention", kInteger, "parameters of attention",
              [](Run r) { return count(r.record.parameters.attention); }},
    RunColumn{"n_mlp", kInteger, "parameters of the mlps", [](Run r) { return count(r.record.parameters.mlp); }},
    RunColumn{"n_norm", kInteger, "parameters of norms, the final one included",
              [](Run r) { return count(r.record.parameters.norm); }},
    RunColumn{"n_head", kInteger, "parameters of the output layer",
              [](Run r) { return count(r.record.parameters.head); }},
    RunColumn{"n_non_embedding", kInteger, "N of the fits: attention, mlps and norms",
              [](Run r) { return count(r.record.parameters.non_embedding()); }},
    RunColumn{"n_total", kInteger, "all parameters", [](Run r) { return count(r.record.parameters.total()); }},
    RunColumn{"tokens", kInteger, "D, trained on [tokens]", [](Run r) -> Value { return r.spec.tokens; }},
    RunColumn{"steps", kInteger, "optimiser steps", [](Run r) -> Value { return r.record.steps; }},
    RunColumn{"batch_tokens", kInteger, "of one step [tokens]", [](Run r) -> Value { return r.record.batch_tokens; }},
    RunColumn{"learning_rate", kNumber, "at the top of the schedule",
              [](Run r) -> Value { return r.spec.training.learning_rate; }},
    RunColumn{"seed", kInteger, "of the initial weights", [](Run r) -> Value { return r.spec.seed; }},
    RunColumn{"weights", kText, "number string; fp32 means not rounded",
              [](Run r) -> Value { return r.spec.numbers.weights; }},
    RunColumn{"activations", kText, "number string", [](Run r) -> Value { return r.spec.numbers.activations; }},
    RunColumn{"kv", kText, "number string of keys and values", [](Run r) -> Value { return r.spec.numbers.kv; }},
    RunColumn{"attention", kText, "number string of both attention products' operands",
              [](Run r) -> Value { return r.spec.numbers.attention; }},
    RunColumn{"gradients", kText, "number string", [](Run r) -> Value { return r.spec.numbers.gradients; }},
    RunColumn{"weight_bits", kNumber, "of one weight, scales left out [bits]",
              [](Run r) { return bits(r.spec.numbers.weights); }},
    RunColumn{"activation_bits", kNumber, "of one activation [bits]",
              [](Run r) { return bits(r.spec.numbers.activations); }},
    RunColumn{"kv_bits", kNumber, "of one key or value [bits]", [](Run r) { return bits(r.spec.numbers.kv); }},
    RunColumn{"gradient_bits", kNumber, "of one gradient [bits]", [](Run r) { return bits(r.spec.numbers.gradients); }},
    RunColumn{"rounding", kText, "nearest or stochastic", [](Run r) -> Value { return r.spec.numbers.rounding; }},
    RunColumn{"estimator", kText, "of the gradient through rounding",
              [](Run r) -> Value { return r.spec.numbers.estimator; }},
    RunColumn{"carrier", kText, "number format that carried the products",
              [](Run r) -> Value { return r.record.carrier; }},
    RunColumn{"loss_train", kNumber, "mean over the last steps [nats per token]",
              [](Run r) { return optional_value(r.record.loss_train); }},
    RunColumn{"loss_val", kNumber, "on held-out tokens [nats per token]",
              [](Run r) { return optional_value(r.record.loss_val); }},
    RunColumn{"loss_val_se", kNumber, "standard error of loss_val over held-out sequences [nats per token]",
              [](Run r) { return optional_value(r.record.loss_val_se); }},
    RunColumn{"loss_floor", kNumber, "entropy of the same tokens, where the corpus knows it [nats per token]",
              [](Run r) { return optional_value(r.record.loss_floor); }},
    RunColumn{"bits_per_byte", kNumber, "of text corpora [bits]",
              [](Run r) { return optional_value(r.record.bits_per_byte); }},
    RunColumn{"task_loss", kNumber, "mean of -ln P(answer | prefix) of the tasks [nats per token]",
              [](Run r) { return optional_value(r.record.task_loss); }},
    RunColumn{"task_accuracy", kNumber, "share of the tasks answered rightly",
              [](Run r) { return optional_value(r.record.task_accuracy); }},
    RunColumn{"flops", kNumber, "of training, as if the run had been trained alone [FLOP]",
              [](Run r) -> Value { return r.record.flops.total(); }},
    RunColumn{"status", kText, "done or diverged", [](Run r) -> Value { return r.record.status; }},
    RunColumn{"diverged_at", kInteger, "step of a diverged run",
              [](Run r) { return optional_value(r.record.diverged_at); }},
    RunColumn{"parent", kText, "the trunk that the run left", [](Run r) { return optional_value(r.record.parent); }},
    RunColumn{"device", kText, "what it ran on", [](Run r) -> Value { return r.record.device; }},
    RunColumn{"threads", kInteger, "of the processor", [](Run r) -> Value { return r.record.threads; }},
    RunColumn{"seconds", kNumber, "the run's share of its cohort's time [s]",
              [](Run r) -> Value { return r.record.seconds; }},
    RunColumn{"version", kText, "of vernier", [](Run r) -> Value { return r.record.version; }},
    RunColumn{"input_gradients", kText, "number string of the gradient in the product that gives the inputs' gradient",
              [](Run r) -> Value { return r.spec.numbers.input_gradients.value_or(r.spec.numbers.gradients); }},
    RunColumn{"weight_gradients", kText,
              "number string of the gradient in the product that gives the weights' gradient",
              [](Run r) -> Value { return r.spec.numbers.weight_gradients.value_or(r.spec.numbers.gradients); }},
    RunColumn{"backward_rounding", kText, "of gradients: nearest or stochastic",
              [](Run r) -> Value { return r.spec.numbers.backward_rounding.value_or(r.spec.numbers.rounding); }},
    RunColumn{"rotation", kText, "of the operands of products before rounding: none or hadamard<block>",
              [](Run r) -> Value { return r.spec.numbers.rotation.value_or("none"); }},
    RunColumn{"optimizer", kText, "adamw, adam or muon",
              [](Run r) -> Value { return r.spec.training.optimizer.value_or(std::string(kDefaultOptimizer)); }},
    RunColumn{"schedule", kText, "of the learning rate: wsd, cosine, linear or inverse-sqrt",
              [](Run r) -> Value { return r.spec.training.schedule.value_or(std::string(kDefaultSchedule)); }},
    RunColumn{"embedding", kText, "number string of the embedding's weights",
              [](Run r) -> Value { return r.spec.numbers.embedding; }},
    RunColumn{"head", kText, "number string of the output layer's weights",
              [](Run r) -> Value { return r.spec.numbers.head; }},
    RunColumn{"task_loss_se", kNumber, "standard error of task_loss over the tasks [nats per token]",
              [](Run r) { return optional_value(r.record.task_loss_se); }},
    RunColumn{"task_accuracy_se", kNumber, "standard error of task_accuracy over the tasks",
              [](Run r) { return optional_value(r.record.task_accuracy_se); }},
    RunColumn{"task_loss_floor", kNumber,
              "task_loss of a model that knows the corpus' probabilities, where there is one [nats per token]",
              [](Run r) { return optional_value(r.record.task_loss_floor); }},
    RunColumn{"task_accuracy_ceiling", kNumber, "task_accuracy of such a model",
              [](Run r) { return optional_value(r.record.task_accuracy_ceiling); }},
};
static_assert(names_differ(kRunColumns));

}  // namespace

std::span<const RunColumn> run_columns() { return kRunColumns; }

std::string text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return "";
}

void write_runs_csv(const std::vector<StoredRun>& runs, const fs::path& file) {
  std::string text = fmt::format("{}\n", fmt::join(names_of(kRunColumns), ","));
  for (const StoredRun& run : runs) {
    std::vector<std::string> row;
    for (const RunColumn& column : kRunColumns) row.push_back(csv_field(text_of(column.of(run))));
    text += fmt::format("{}\n", fmt::join(row, ","));
  }
  write_text(file, text);
}

void write_runs_parquet(const std::vector<StoredRun>& runs, const fs::path& file) {
  std::vector<TypedColumn> columns;
  for (const RunColumn& column : kRunColumns) {
    columns.push_back({std::string(column.name), column.type, std::string(column.meaning), {}});
    for (const StoredRun& run : runs) columns.back().values.push_back(column.of(run));
  }
  write_parquet(columns, file);
}

}  // namespace vernier::store
