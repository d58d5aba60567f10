// Tables of others: CSV, JSONL and Parquet as named columns of cells.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vernier::store {

/// What the file says in one place. All three empty-handed: the value is missing (an empty CSV field, null, an absent
/// key).
struct Cell {
  std::optional<std::string>
      text;                      ///< as written; for numbers of Parquet the shortest digits that give the number back
  std::optional<double> number;  ///< where the text is one number and nothing else; nan and inf are numbers

  bool missing() const { return !text; }
};

struct Column {
  std::string name;
  std::vector<Cell> cells;
};

struct Table {
  std::string file;
  std::vector<Column> columns;      ///< all of `rows()` cells
  std::vector<std::string> places;  ///< "file:line" of a row (text formats) or "file: row k", counted from 1

  std::size_t rows() const { return places.size(); }
  /// The column of that name, or nullptr.
  const Column* find(std::string_view name) const;
  std::vector<std::string> names() const;
};

/// Reads .csv (RFC 4180, header line), .jsonl or .ndjson (one object per line), or .parquet, by the file's ending.
/// Throws Error with its place for a row of another length, a quote left open, a column named twice, a line that is no
/// JSON object, an unknown ending, or a file that cannot be read or has no row.
Table read_table(const std::filesystem::path& file);

}  // namespace vernier::store
