// Tables of others, and our own exported ones, as points.
#pragma once

#include <filesystem>

#include "fit/data.h"

namespace vernier::fit {

/// A CSV, JSONL or Parquet file. A row is a trained model, or one quantized after training where it says post_weights
/// or post_bits. Rows that cannot be used, and those that stand further up already, are excluded with their place and
/// the reason. Throws Error where the file cannot be read, or a column that `options` name or need is missing.
Data read_points(const std::filesystem::path& file, const ReadOptions& options);

}  // namespace vernier::fit
