// The only file of the room whose source includes Arrow.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "store/table.h"

namespace vernier::store {

enum class ColumnType { Integer, Number, Text };

/// Absent, or a value of the column's type.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

/// A column to be written; every value is absent or of `type`.
struct TypedColumn {
  std::string name;
  ColumnType type = ColumnType::Text;
  std::string meaning;  ///< stored with the column
  std::vector<Value> values;
};

/// Writes columns of equal length as Parquet (zstd), absent values as null; throws Failure.
void write_parquet(const std::vector<TypedColumn>& columns, const std::filesystem::path& file);

/// Reads any Parquet file of flat columns; throws Error where it is none.
Table read_parquet(const std::filesystem::path& file);

}  // namespace vernier::store
