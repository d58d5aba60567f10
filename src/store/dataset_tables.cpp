// The tables of a dataset beside that of its runs: curves, and what became of the models afterwards.
#include "format/number.h"
#include "store/dataset.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

constexpr auto kInteger = ColumnType::Integer;
constexpr auto kNumber = ColumnType::Number;
constexpr auto kText = ColumnType::Text;

template <class T>
Value optional_value(const std::optional<T>& value) {
  return value ? Value(*value) : Value();
}

/// One of the values of a result that may be absent.
Value task_value(const std::optional<TaskResult>& cloze, double TaskResult::*part) {
  return cloze ? Value((*cloze).*part) : Value();
}

/// A table as it grows: row by row.
struct Rows {
  std::vector<TypedColumn> columns;

  Rows(std::vector<TypedColumn> own, const std::string& whose) : columns(std::move(own)) {
    columns.push_back({"task_loss", kNumber, fmt::format("conditional, of {} [nats per token]", whose), {}});
    columns.push_back({"task_loss_se", kNumber, "standard error of task_loss [nats per token]", {}});
    columns.push_back({"task_accuracy", kNumber, fmt::format("of {}", whose), {}});
    columns.push_back({"task_accuracy_se", kNumber, "standard error of task_accuracy", {}});
  }
  void add(std::vector<Value> values, const std::optional<TaskResult>& cloze) {
    for (const auto part : {&TaskResult::loss, &TaskResult::loss_se, &TaskResult::accuracy, &TaskResult::accuracy_se})
      values.push_back(task_value(cloze, part));
    for (std::size_t i = 0; i < values.size(); ++i) columns[i].values.push_back(values[i]);
  }
};

}  // namespace

void write_curves_parquet(const std::vector<StoredRun>& runs, const fs::path& file) {
  Rows rows({{"run_id", kText, "as in runs.parquet", {}},
             {"step", kInteger, "optimiser steps done", {}},
             {"tokens", kInteger, "trained on so far [tokens]", {}},
             {"learning_rate", kNumber, "of this step", {}},
             {"loss_train", kNumber, "mean since the row before [nats per token]", {}},
             {"loss_val", kNumber, "measured at few rows [nats per token]", {}},
             {"gradient_norm", kNumber, "before clipping", {}}},
            "this checkpoint, measured at few rows");
  for (const StoredRun& run : runs)
    for (const CurvePoint& p : run.curve)
      rows.add({run.id, p.step, p.tokens, p.learning_rate, p.loss_train, optional_value(p.loss_val), p.gradient_norm},
               p.cloze);
  write_parquet(rows.columns, file);
}

void write_ptq_parquet(const std::vector<StoredRun>& runs, const fs::path& file) {
  Rows rows({{"run_id", kText, "as in runs.parquet", {}},
             {"method", kText, "rtn, gptq or awq", {}},
             {"weights", kText, "number string of the weights after quantization", {}},
             {"weight_bits", kNumber, "of one weight, scales left out [bits]", {}},
             {"loss", kNumber, "on the held-out tokens of the run [nats per token]", {}},
             {"delta", kNumber, "loss - loss_val of the run [nats per token]", {}}},
            "the quantized model");
  for (const StoredRun& run : runs)
    for (const PostTrained& row : run.post_trained)
      rows.add({run.id, row.method, row.weights, parse_number(row.weights).bits(), optional_value(row.loss),
                optional_value(row.delta)},
               row.cloze);
  write_parquet(rows.columns, file);
}

void write_compressed_parquet(const std::vector<StoredRun>& runs, const fs::path& file) {
  Rows rows({{"run_id", kText, "the run that it was made of, as in runs.parquet", {}},
             {"method", kText, "unstructured, structured or distilled", {}},
             {"share", kNumber, "removed: of the blocks' weights, or of heads and hidden channels", {}},
             {"depth", kInteger, "of a student [layers]", {}},
             {"width", kInteger, "of a student [channels]", {}},
             {"heads", kInteger, "of a layer of a student", {}},
             {"tokens", kInteger, "trained on afterwards [tokens]", {}},
             {"learning_rate", kNumber, "asked for; null: the run's", {}},
             {"params", kNumber, "N of what is left", {}},
             {"loss", kNumber, "on the held-out tokens of the run [nats per token]", {}}},
            "the smaller model");
  for (const StoredRun& run : runs)
    for (const auto& [task, params, loss, cloze] : run.compressed)
      rows.add(
          {run.id, task.method, optional_value(task.share), optional_value(task.depth), optional_value(task.width),
           optional_value(task.heads), task.tokens, optional_value(task.learning_rate), params, optional_value(loss)},
          cloze);
  write_parquet(rows.columns, file);
}

}  // namespace vernier::store
