// The files of one run: spec.yaml, record.json, curve.csv, and ptq.csv or compressed.csv where it was quantized or made
// smaller after training.
#pragma once

#include <filesystem>
#include <string>

#include "record/run_record.h"

namespace vernier::store {

/// step,tokens,learning_rate,loss_train,loss_val,gradient_norm; shortest digits that give each number back; an absent
/// loss_val is an empty field, a loss that became NaN says nan. Where a row has tasks, all rows go on with
/// task_loss,task_loss_se,task_accuracy,task_accuracy_se, empty where they are absent.
std::string curve_text(const Curve& curve);

/// Reads what curve_text wrote; throws Error with `file` and line.
Curve curve_from_text(const std::string& text, const std::string& file);

/// method,weights,loss,delta, and tasks, in the same way; an absent loss or delta is an empty field.
std::string post_trained_text(const std::vector<PostTrained>& rows);

/// Reads what post_trained_text wrote; throws Error with `file` and line, also for a method or number that is none.
std::vector<PostTrained> post_trained_from_text(const std::string& text, const std::string& file);

/// method,share,depth,width,heads,tokens,learning_rate,params,loss and the columns of tasks, in the same way.
std::string compressed_text(const std::vector<Compressed>& rows);

/// Reads what compressed_text wrote; throws Error with `file` and line, also for a method that is none.
std::vector<Compressed> compressed_from_text(const std::string& text, const std::string& file);

/// Writes the files of a run into an existing folder, ptq.csv and compressed.csv only where they have rows; throws
/// Failure.
void write_run_files(const StoredRun& run, const std::filesystem::path& folder);

/// Reads them. The id is the run_id of what the files hold. Throws Error.
StoredRun read_run_files(const std::filesystem::path& folder);

}  // namespace vernier::store
