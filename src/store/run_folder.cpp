#include "store/run_folder.h"

#include <charconv>
#include <span>

#include "format/number.h"
#include "record/archive.h"
#include "record/post_training.h"
#include "store/csv.h"
#include "store/files.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

constexpr std::array<std::string_view, 6> kCurveColumns{"step",       "tokens",   "learning_rate",
                                                        "loss_train", "loss_val", "gradient_norm"};

constexpr std::array<std::string_view, 4> kPostTrainedColumns{"method", "weights", "loss", "delta"};

using Columns = std::span<const std::string_view>;

template <class Value = double>
Value number_in(const CsvRow& row, std::size_t column, Columns columns, const std::string& file) {
  const std::string& text = row.fields[column].text;
  Value value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Error(fmt::format("{}:{}: {}: expected a number, got '{}'", file, row.line, columns[column], text));
  return value;
}

std::optional<double> number_if_any(const CsvRow& row, std::size_t column, Columns columns, const std::string& file) {
  if (row.fields[column].text.empty()) return std::nullopt;
  return number_in(row, column, columns, file);
}

CurvePoint point_of(const CsvRow& row, const std::string& file) {
  CurvePoint point;
  point.step = number_in<std::int64_t>(row, 0, kCurveColumns, file);
  point.tokens = number_in<std::int64_t>(row, 1, kCurveColumns, file);
  point.learning_rate = number_in(row, 2, kCurveColumns, file);
  point.loss_train = number_in(row, 3, kCurveColumns, file);
  point.loss_val = number_if_any(row, 4, kCurveColumns, file);
  point.gradient_norm = number_in(row, 5, kCurveColumns, file);
  return point;
}

PostTrained post_trained_of(const CsvRow& row, const std::string& file) {
  const std::string &method = row.fields[0].text, &weights = row.fields[1].text;
  try {
    row_named("method", kPtqMethods, method);
    parse_number(weights);
  } catch (const Error& problem) {
    throw Error(fmt::format("{}:{}: {}", file, row.line, problem.what()));
  }
  return {method, weights, number_if_any(row, 2, kPostTrainedColumns, file),
          number_if_any(row, 3, kPostTrainedColumns, file)};
}

/// The rows below the header, which must be `columns`, of a file that was written to its end.
std::vector<CsvRow> rows_below(Columns columns, const std::string& text, const std::string& file) {
  std::vector<CsvRow> rows = parse_csv(text, file);
  bool known = !rows.empty() && rows[0].fields.size() == columns.size();
  for (std::size_t i = 0; known && i < columns.size(); ++i) known = rows[0].fields[i].text == columns[i];
  if (!known) throw Error(fmt::format("{}:1: expected the header {}", file, fmt::join(columns, ",")));
  if (text.back() != '\n') throw Error(fmt::format("{}: its last line has no end; expected a whole file", file));
  rows.erase(rows.begin());
  return rows;
}

std::string text_if_any(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

}  // namespace

std::string curve_text(const Curve& curve) {
  std::string text = fmt::format("{}\n", fmt::join(kCurveColumns, ","));
  for (const auto& point : curve)
    text += fmt::format("{},{},{},{},{},{}\n", point.step, point.tokens, point.learning_rate, point.loss_train,
                        text_if_any(point.loss_val), point.gradient_norm);
  return text;
}

Curve curve_from_text(const std::string& text, const std::string& file) {
  Curve curve;
  for (const CsvRow& row : rows_below(kCurveColumns, text, file)) curve.push_back(point_of(row, file));
  return curve;
}

std::string post_trained_text(const std::vector<PostTrained>& rows) {
  std::string text = fmt::format("{}\n", fmt::join(kPostTrainedColumns, ","));
  for (const auto& row : rows)
    text += fmt::format("{},{},{},{}\n", row.method, row.weights, text_if_any(row.loss), text_if_any(row.delta));
  return text;
}

std::vector<PostTrained> post_trained_from_text(const std::string& text, const std::string& file) {
  std::vector<PostTrained> rows;
  for (const CsvRow& row : rows_below(kPostTrainedColumns, text, file)) rows.push_back(post_trained_of(row, file));
  return rows;
}

void write_run_files(const StoredRun& run, const fs::path& folder) {
  write_text(folder / "spec.yaml", yaml_text(to_json(run.spec)));
  write_text(folder / "record.json", to_json(run.record).dump(2) + "\n");
  write_text(folder / "curve.csv", curve_text(run.curve));
  if (!run.post_trained.empty()) write_text(folder / "ptq.csv", post_trained_text(run.post_trained));
}

StoredRun read_run_files(const fs::path& folder) {
  const auto text = [&](const char* name) { return text_of_file((folder / name).string()); };
  const auto place = [&](const char* name) { return (folder / name).string(); };
  StoredRun run;
  run.spec = value_from_text<RunSpec>(text("spec.yaml"), place("spec.yaml"));
  run.record = value_from_text<RunRecord>(text("record.json"), place("record.json"));
  if (run.record.status != "done" && run.record.status != "diverged")
    throw Error(
        fmt::format("{}: status: expected done or diverged, got '{}'", place("record.json"), run.record.status));
  run.curve = curve_from_text(text("curve.csv"), place("curve.csv"));
  if (fs::exists(folder / "ptq.csv")) run.post_trained = post_trained_from_text(text("ptq.csv"), place("ptq.csv"));
  run.id = run_id(run.spec, run.record.corpus_digest);
  return run;
}

}  // namespace vernier::store
