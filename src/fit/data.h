// From stored runs or foreign tables to the points that a law is fitted to. What is left out is named, with the reason.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fit/columns.h"
#include "fit/summary.h"
#include "law/point.h"
#include "law/symbol.h"
#include "record/run_record.h"

namespace vernier::fit {

struct Data {
  std::vector<law::RunPoint> points;        ///< trained models
  std::vector<law::RunPoint> post_trained;  ///< the same models after their weights were quantized
  std::vector<Excluded> excluded, post_excluded;
  std::size_t rows = 0, post_rows = 0;  ///< points and excluded of either kind

  /// Points of both kinds; a law takes those it speaks about (fit/select.h).
  std::vector<law::RunPoint> all() const;
};

/// Options of reading foreign data.
struct ReadOptions {
  std::map<std::string, std::string> map = {};  ///< canonical column name -> name in the file
  std::string where = "";                       ///< rows to keep, `weight_bits==16 && tokens>1e9`; empty: all
  law::Target target = law::Target::Loss;       ///< what will be predicted, and so which columns a table must have
};

/// N = parameters outside embeddings (blocks and final norm), D = spec.tokens, L = loss_val, parts from the number
/// strings. Diverged runs and runs without a finite positive loss are excluded and named; so are rows of ptq.csv, whose
/// points are named "<id>/<method>/<weights>".
Data points_from_runs(const std::vector<StoredRun>& runs);

/// A store (folder of runs), or a CSV, JSONL or Parquet file; the runs.csv, runs.parquet and ptq.parquet of `vernier
/// export` give the points of the store they came from. Broken runs of a store are excluded and named. Throws Error
/// where the path is absent, the store is empty, or a needed column is missing.
Data read_data(const std::string& path, const ReadOptions& options = {});

}  // namespace vernier::fit
