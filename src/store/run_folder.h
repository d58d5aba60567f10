// The files of one run: spec.yaml, record.json, curve.csv.
#pragma once

#include <filesystem>
#include <string>

#include "record/run_record.h"

namespace vernier::store {

/// step,tokens,learning_rate,loss_train,loss_val,gradient_norm; shortest digits that give each number back; an absent
/// loss_val is an empty field, a loss that became NaN says nan.
std::string curve_text(const Curve& curve);

/// Reads what curve_text wrote; throws Error with `file` and line.
Curve curve_from_text(const std::string& text, const std::string& file);

/// Writes the three files of a run into an existing folder; throws Failure.
void write_run_files(const StoredRun& run, const std::filesystem::path& folder);

/// Reads them. The id is the run_id of what the files hold. Throws Error.
StoredRun read_run_files(const std::filesystem::path& folder);

}  // namespace vernier::store
