#include "fit/data.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>

#include "fit/labels.h"
#include "fit/where.h"
#include "store/dataset.h"
#include "store/store.h"
#include "store/table.h"

namespace vernier::fit {
namespace {

using law::Part;
using law::RunPoint;

/// Columns that --map may name: those of our own dataset that a fit looks at.
constexpr std::array<std::string_view, 11> kColumns{
    "run_id",  "n_non_embedding", "tokens",      "loss_val", "weight_bits", "activation_bits",
    "kv_bits", "weights",         "activations", "kv",       "status"};

std::string not_positive(std::string_view what, const std::optional<double>& value) {
  if (!value) return fmt::format("{} is missing", what);
  return fmt::format("{} is {}, expected a positive finite number", what, *value);
}

/// Why a point cannot be fitted; empty when it can.
std::string problem_of(std::string_view status, std::optional<double> params, std::optional<double> tokens,
                       std::optional<double> loss) {
  if (status == "diverged") return "diverged";
  const auto positive = [](const std::optional<double>& value) { return value && std::isfinite(*value) && *value > 0; };
  if (!positive(params)) return not_positive("N", params);
  if (!positive(tokens)) return not_positive("D", tokens);
  if (!positive(loss)) return not_positive("loss", loss);
  return "";
}

void add(Data& data, RunPoint point, std::string why) {
  ++data.rows;
  if (why.empty())
    data.points.push_back(std::move(point));
  else
    data.excluded.push_back({std::move(point.run), std::move(why)});
}

void add_run(Data& data, const StoredRun& run) {
  const auto& numbers = run.spec.numbers;
  RunPoint point;
  point.run = run.id;
  point.params = run.record.parameters.non_embedding();
  point.tokens = static_cast<double>(run.spec.tokens);
  point.weights = part_of(numbers.weights);
  point.activations = part_of(numbers.activations);
  point.kv = part_of(numbers.kv);
  point.precision = precision_label(numbers);
  point.loss = run.record.loss_val.value_or(0);
  add(data, point, problem_of(run.record.status, point.params, point.tokens, run.record.loss_val));
}

Data read_store(const std::string& path, const ReadOptions& options) {
  std::vector<store::Broken> broken;
  const auto runs = store::read_runs(path, broken);
  if (runs.empty() && broken.empty()) throw Error(fmt::format("{}: the store holds no run", path));
  const Condition condition = parse_where(options.where);
  std::vector<StoredRun> selected;
  for (const auto& run : runs) {
    const auto value_of = [&](const std::string& name) -> std::optional<std::string> {
      for (const auto& column : store::run_columns())
        if (column.name == name) {
          const auto text = store::text_of(column.of(run));
          return text.empty() ? std::nullopt : std::optional(text);
        }
      throw Error(fmt::format("--where: runs have no column '{}'", name));
    };
    if (holds(condition, value_of)) selected.push_back(run);
  }
  Data data = points_from_runs(selected);
  data.rows += broken.size();
  for (const auto& folder : broken) data.excluded.push_back({folder.folder, folder.why});
  return data;
}

/// A foreign table with its columns under our names.
class Reader {
 public:
  Reader(const store::Table& table, const ReadOptions& options) : table_(table), options_(options) {
    Problems problems;
    for (const auto& [ours, theirs] : options.map)
      if (!table.find(theirs)) problems.push_back(fmt::format("--map {}={}: {}", ours, theirs, absent(theirs)));
    for (const char* needed : {"n_non_embedding", "tokens", "loss_val"})
      if (!options.map.contains(needed) && !find(needed))
        problems.push_back(absent(needed) + fmt::format("; name it with --map {}=COLUMN", needed));
    for (const auto& conjunction : parse_where(options.where))
      for (const auto& comparison : conjunction)
        if (!find(comparison.column)) problems.push_back("--where: " + absent(comparison.column));
    refuse_if(problems);
  }

  Data read() const {
    Data data;
    const Condition condition = parse_where(options_.where);
    std::set<std::string> seen;
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      if (!holds(condition, [&](const std::string& name) { return cell(name, row).text; })) continue;
      add_row(data, row, seen);
    }
    return data;
  }

 private:
  std::string absent(const std::string& name) const {
    return fmt::format("{} has no column '{}'; it has {}", table_.file, name, fmt::join(table_.names(), ", "));
  }

  const store::Column* find(const std::string& name) const {
    const auto mapped = options_.map.find(name);
    return table_.find(mapped == options_.map.end() ? name : mapped->second);
  }

  store::Cell cell(const std::string& name, std::size_t row) const {
    const auto* column = find(name);
    return column ? column->cells[row] : store::Cell{};
  }

  /// From the number string where the file has one, else from the bits: 16 or more are "not rounded".
  Part part(const std::string& name, const std::string& bits_name, std::size_t row, std::string& why) const {
    if (const auto text = cell(name, row).text) {
      try {
        return part_of(*text);
      } catch (const Error& problem) {
        why = fmt::format("{}: {}", name, problem.what());
        return {};
      }
    }
    if (!find(bits_name)) return {false, 16, "fp32", false};
    const auto bits = cell(bits_name, row).number;
    if (!bits || !std::isfinite(*bits) || *bits <= 0) {
      why = not_positive(bits_name, bits);
      return {};
    }
    return {*bits < 16, *bits, "fp32", true};
  }

  void add_row(Data& data, std::size_t row, std::set<std::string>& seen) const {
    RunPoint point;
    const auto id = cell("run_id", row).text;
    point.run = id ? *id : table_.places[row];
    const auto params = cell("n_non_embedding", row).number, tokens = cell("tokens", row).number,
               loss = cell("loss_val", row).number;
    point.params = params.value_or(0);
    point.tokens = tokens.value_or(0);
    point.loss = loss.value_or(0);
    std::string why;
    point.weights = part("weights", "weight_bits", row, why);
    point.activations = part("activations", "activation_bits", row, why);
    point.kv = part("kv", "kv_bits", row, why);
    point.precision = precision_label(point);
    if (const auto problem = problem_of(cell("status", row).text.value_or("done"), params, tokens, loss);
        !problem.empty())
      why = problem;
    if (id && !seen.insert(*id).second) why = "a run of this id stands further up";
    add(data, point, why);
  }

  const store::Table& table_;
  const ReadOptions& options_;
};

}  // namespace

Data points_from_runs(const std::vector<StoredRun>& runs) {
  Data data;
  for (const auto& run : runs) add_run(data, run);
  return data;
}

Data read_data(const std::string& path, const ReadOptions& options) {
  if (!std::filesystem::exists(path)) throw Error(fmt::format("{}: expected a store or a table, found nothing", path));
  if (std::filesystem::is_directory(path)) return read_store(path, options);
  const store::Table table = store::read_table(path);
  return Reader(table, options).read();
}

std::map<std::string, std::string> parse_map(const std::string& text) {
  std::map<std::string, std::string> map;
  Problems problems;
  for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string pair = text.substr(begin, end - begin);
    const auto equals = pair.find('=');
    const std::string ours = pair.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == pair.size())
      problems.push_back(fmt::format("--map: expected canonical=foreign, got '{}'", pair));
    else if (std::find(kColumns.begin(), kColumns.end(), ours) == kColumns.end())
      problems.push_back(fmt::format("--map: no column is called '{}'; known: {}", ours, fmt::join(kColumns, ", ")));
    else
      map[ours] = pair.substr(equals + 1);
    begin = end + 1;
  }
  refuse_if(problems);
  return map;
}

}  // namespace vernier::fit
