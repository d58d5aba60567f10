#include "fit/exported.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"

namespace vernier::fit {
namespace {

namespace fs = std::filesystem;
using store::Cell, store::Column, store::Table;

bool is_exported_post_training(const Table& table) {
  for (const char* name : {"run_id", "method", "weights", "loss", "delta"})
    if (!table.find(name)) return false;
  return !table.find("n_non_embedding") && !table.find("loss_val");
}

Table runs_beside(const fs::path& file) {
  for (const char* name : {"runs.parquet", "runs.csv"})
    if (const fs::path runs = file.parent_path() / name; fs::exists(runs)) return store::read_table(runs);
  throw Error(fmt::format(
      "{}: N and D of its runs were expected in runs.parquet or runs.csv beside it; neither is there", file.string()));
}

void rename(Table& table, std::string_view from, std::string_view to) {
  for (Column& column : table.columns)
    if (column.name == from) column.name = to;
}

/// The rows of `column` in the order of `wanted`; missing where a run has none.
Column looked_up(const Column& column, const std::vector<Cell>& wanted,
                 const std::map<std::string, std::size_t>& row_of) {
  Column result{.name = column.name, .cells = {}};
  for (const Cell& id : wanted) {
    const auto found = row_of.find(id.text.value_or(""));
    result.cells.push_back(found == row_of.end() ? Cell{} : column.cells[found->second]);
  }
  return result;
}

}  // namespace

Table with_runs_beside(Table table) {
  if (!is_exported_post_training(table)) return table;
  Table runs = runs_beside(table.file);
  const Column* ids = runs.find("run_id");
  if (!ids) throw Error(fmt::format("{}: expected a column 'run_id'", runs.file));
  std::map<std::string, std::size_t> row_of;
  for (std::size_t row = 0; row < runs.rows(); ++row) row_of.try_emplace(ids->cells[row].text.value_or(""), row);
  rename(table, "weights", "post_weights");
  rename(table, "weight_bits", "post_bits");
  rename(table, "loss", "loss_val");
  rename(runs, "loss_val", "loss_before");
  const std::vector<Cell> wanted = table.find("run_id")->cells;
  for (const Column& column : runs.columns)  // what the run answered its quantized models need not answer
    if (!table.find(column.name) && !column.name.starts_with("task_"))
      table.columns.push_back(looked_up(column, wanted, row_of));
  return table;
}

}  // namespace vernier::fit
