// The dataset that `vernier export` writes (DESIGN.md, section 6): one row per run, columns in a fixed order, absent
// values null. CSV and Parquet hold the same values.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "record/archive.h"
#include "record/run_record.h"
#include "store/parquet.h"
#include "store/table.h"

namespace vernier::store {

struct RunColumn {
  std::string_view name;
  ColumnType type;
  std::string_view meaning;  ///< with its unit in brackets; the dataset card prints it
  Value (*of)(const StoredRun&);
};

/// The columns of runs.csv and runs.parquet, in order.
std::span<const RunColumn> run_columns();

/// The same value as text: integers and text as they are, numbers with the shortest digits that give them back, absent
/// "".
std::string text_of(const Value& value);

/// Each throws Failure where the file cannot be written.
void write_runs_csv(const std::vector<StoredRun>& runs, const std::filesystem::path& file);
void write_runs_parquet(const std::vector<StoredRun>& runs, const std::filesystem::path& file);
/// Rows run_id, step, tokens, learning_rate, loss_train, loss_val, gradient_norm, and what the checkpoint made of its
/// tasks: task_loss, task_loss_se, task_accuracy, task_accuracy_se.
void write_curves_parquet(const std::vector<StoredRun>& runs, const std::filesystem::path& file);

/// Rows run_id, method, weights, weight_bits, loss, delta, and tasks likewise: what quantizing the runs after training
/// cost.
void write_ptq_parquet(const std::vector<StoredRun>& runs, const std::filesystem::path& file);

/// Rows run_id, the task, params, loss, and tasks likewise: the smaller models made of the runs.
void write_compressed_parquet(const std::vector<StoredRun>& runs, const std::filesystem::path& file);

/// runs.csv, runs.parquet, curves.parquet, ptq.parquet, compressed.parquet where a run has such rows, fits.json where
/// given, README.md (the dataset card) and digests.txt (XXH3-128 of every other file). Returns the names written.
/// Throws Error when `folder` is a file or cannot be written, or no run is given.
std::vector<std::string> write_dataset(const std::vector<StoredRun>& runs, const std::filesystem::path& folder,
                                       const std::optional<Json>& fits = std::nullopt);

}  // namespace vernier::store
