// From stored runs or foreign tables to the points that a law is fitted to. What is left out is named, with the reason.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fit/summary.h"
#include "law/point.h"
#include "record/run_record.h"

namespace vernier::fit {

struct Data {
  std::vector<law::RunPoint> points;
  std::vector<Excluded> excluded;
  std::size_t rows = 0;  ///< points and excluded
};

/// Options of reading foreign data.
struct ReadOptions {
  std::map<std::string, std::string> map;  ///< canonical column name -> name in the file
  std::string where;                       ///< rows to keep, `weight_bits==16 && tokens>1e9`; empty: all
};

/// N = parameters outside embeddings (blocks and final norm), D = spec.tokens, L = loss_val, bits from the number
/// strings. Diverged runs and runs without a finite positive loss are excluded and named.
Data points_from_runs(const std::vector<StoredRun>& runs);

/// A store (folder of runs), or a CSV, JSONL or Parquet file. Broken runs of a store are excluded and named.
/// Throws Error where the path is absent, the store is empty, or a needed column is missing.
Data read_data(const std::string& path, const ReadOptions& options = {});

/// "canonical=foreign,canonical=foreign" as a map; throws Error for an unknown canonical name or a malformed pair.
std::map<std::string, std::string> parse_map(const std::string& text);

}  // namespace vernier::fit
