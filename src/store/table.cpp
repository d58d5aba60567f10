#include "store/table.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "record/archive.h"
#include "store/csv.h"
#include "store/parquet.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

std::optional<double> number_of(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Cell cell_of(const CsvField& field) {
  if (field.text.empty() && !field.quoted) return {};
  return {.text = field.text, .number = number_of(field.text)};
}

Cell cell_of(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return {.text = value.get<std::string>(), .number = std::nullopt};
  return {.text = value.dump(), .number = value.is_number() ? std::optional(value.get<double>()) : std::nullopt};
}

Table csv_table(const std::string& text, const std::string& file) {
  const std::vector<CsvRow> rows = parse_csv(text, file);
  Table table{.file = file, .columns = {}, .places = {}};
  if (rows.empty()) return table;
  for (const CsvField& name : rows[0].fields) table.columns.push_back({.name = name.text, .cells = {}});
  for (std::size_t r = 1; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) table.columns[c].cells.push_back(cell_of(rows[r].fields[c]));
    table.places.push_back(fmt::format("{}:{}", file, rows[r].line));
  }
  return table;
}

/// One object per line; its keys are columns, and a key that a line does not have is missing there.
struct JsonLines {
  Table table;
  std::map<std::string, std::size_t> index;

  void add(std::string_view line, std::size_t number) {
    const std::string place = fmt::format("{}:{}", table.file, number);
    const Json object = Json::parse(line, nullptr, false);
    if (!object.is_object())
      throw Error(fmt::format("{}: expected one JSON object, got '{}'", place, line.substr(0, 40)));
    table.places.push_back(place);
    for (const auto& [key, value] : object.items()) {
      const auto [at, is_new] = index.try_emplace(key, table.columns.size());
      if (is_new) table.columns.push_back({.name = key, .cells = {}});
      Column& column = table.columns[at->second];
      column.cells.resize(table.places.size());
      column.cells.back() = cell_of(value);
    }
  }
};

Table jsonl_table(std::string_view text, const std::string& file) {
  JsonLines lines{.table = {.file = file, .columns = {}, .places = {}}, .index = {}};
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.add(line, number);
  }
  for (Column& column : lines.table.columns) column.cells.resize(lines.table.rows());
  return lines.table;
}

void check(const Table& table) {
  std::vector<std::string> names = table.names();
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw Error(fmt::format("{}: two columns are called '{}'; expected one", table.file, *twice));
  if (table.rows() == 0) throw Error(fmt::format("{}: holds no row; expected a header and rows", table.file));
}

}  // namespace

const Column* Table::find(std::string_view name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  return names;
}

Table read_table(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  Table table;
  if (ending == ".csv")
    table = csv_table(text_of_file(file.string()), file.string());
  else if (ending == ".jsonl" || ending == ".ndjson")
    table = jsonl_table(text_of_file(file.string()), file.string());
  else if (ending == ".parquet")
    table = read_parquet(file);
  else
    throw Error(fmt::format("{}: unknown ending '{}'; expected .csv, .jsonl or .parquet", file.string(), ending));
  check(table);
  return table;
}

}  // namespace vernier::store
