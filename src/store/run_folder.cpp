#include "store/run_folder.h"

#include <algorithm>
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

constexpr std::array<std::string_view, 9> kCompressedColumns{"method", "share",         "depth",  "width", "heads",
                                                             "tokens", "learning_rate", "params", "loss"};

/// After the others, in a file that has a row with tasks.
constexpr std::array<std::string_view, 4> kTaskColumns{"task_loss", "task_loss_se", "task_accuracy",
                                                       "task_accuracy_se"};

using Columns = std::span<const std::string_view>;

template <class Value = double>
Value number_in(const CsvRow& row, std::size_t column, Columns columns, const std::string& file) {
  const std::string& text = row.fields[column].text;
  Value value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    const auto name = column < columns.size() ? columns[column] : kTaskColumns[column - columns.size()];
    throw Error(fmt::format("{}:{}: {}: expected a number, got '{}'", file, row.line, name, text));
  }
  return value;
}

template <class Value = double>
std::optional<Value> number_if_any(const CsvRow& row, std::size_t column, Columns columns, const std::string& file) {
  if (row.fields[column].text.empty()) return std::nullopt;
  return number_in<Value>(row, column, columns, file);
}

/// What follows `columns`, where the file has it and the row says it.
std::optional<TaskResult> tasks_of(const CsvRow& row, Columns columns, const std::string& file) {
  const std::size_t first = columns.size();
  if (row.fields.size() == first || row.fields[first].text.empty()) return std::nullopt;
  const auto number = [&](std::size_t i) { return number_in(row, first + i, columns, file); };
  return TaskResult{number(0), number(1), number(2), number(3)};
}

/// The same as text, from its first comma on.
std::string tasks_text(const std::optional<TaskResult>& cloze) {
  if (!cloze) return ",,,,";
  return fmt::format(",{},{},{},{}", cloze->loss, cloze->loss_se, cloze->accuracy, cloze->accuracy_se);
}

template <class Rows>
bool any_tasks(const Rows& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.cloze.has_value(); });
}

std::string header_of(Columns columns, bool tasks) {
  std::string header = fmt::format("{}", fmt::join(columns, ","));
  return tasks ? fmt::format("{},{}", header, fmt::join(kTaskColumns, ",")) : header;
}

CurvePoint point_of(const CsvRow& row, const std::string& file) {
  CurvePoint point;
  point.step = number_in<std::int64_t>(row, 0, kCurveColumns, file);
  point.tokens = number_in<std::int64_t>(row, 1, kCurveColumns, file);
  point.learning_rate = number_in(row, 2, kCurveColumns, file);
  point.loss_train = number_in(row, 3, kCurveColumns, file);
  point.loss_val = number_if_any(row, 4, kCurveColumns, file);
  point.gradient_norm = number_in(row, 5, kCurveColumns, file);
  point.cloze = tasks_of(row, kCurveColumns, file);
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
          number_if_any(row, 3, kPostTrainedColumns, file), tasks_of(row, kPostTrainedColumns, file)};
}

Compressed compressed_of(const CsvRow& row, const std::string& file) {
  constexpr Columns columns = kCompressedColumns;
  CompressionTask task;
  task.method = row.fields[0].text;
  try {
    row_named("method", kCompressionMethods, task.method);
  } catch (const Error& problem) {
    throw Error(fmt::format("{}:{}: {}", file, row.line, problem.what()));
  }
  task.share = number_if_any(row, 1, columns, file);
  task.depth = number_if_any<std::int64_t>(row, 2, columns, file);
  task.width = number_if_any<std::int64_t>(row, 3, columns, file);
  task.heads = number_if_any<std::int64_t>(row, 4, columns, file);
  task.tokens = number_in<std::int64_t>(row, 5, columns, file);
  task.learning_rate = number_if_any(row, 6, columns, file);
  return {task, number_in(row, 7, columns, file), number_if_any(row, 8, columns, file), tasks_of(row, columns, file)};
}

/// The rows below the header, which must be `columns` with or without those of tasks, of a file that was written to its
/// end.
std::vector<CsvRow> rows_below(Columns columns, const std::string& text, const std::string& file) {
  std::vector<CsvRow> rows = parse_csv(text, file);
  std::vector<std::string> header;
  if (!rows.empty())
    for (const CsvField& field : rows[0].fields) header.push_back(field.text);
  const std::string said = fmt::format("{}", fmt::join(header, ","));
  if (said != header_of(columns, false) && said != header_of(columns, true))
    throw Error(fmt::format("{}:1: expected the header {}", file, header_of(columns, false)));
  if (text.back() != '\n') throw Error(fmt::format("{}: its last line has no end; expected a whole file", file));
  rows.erase(rows.begin());
  return rows;
}

template <class Value>
std::string text_if_any(const std::optional<Value>& value) {
  return value ? fmt::format("{}", *value) : "";
}

}  // namespace

std::string curve_text(const Curve& curve) {
  const bool tasks = any_tasks(curve);
  std::string text = header_of(kCurveColumns, tasks) + "\n";
  for (const auto& point : curve)
    text += fmt::format("{},{},{},{},{},{}{}\n", point.step, point.tokens, point.learning_rate, point.loss_train,
                        text_if_any(point.loss_val), point.gradient_norm, tasks ? tasks_text(point.cloze) : "");
  return text;
}

Curve curve_from_text(const std::string& text, const std::string& file) {
  Curve curve;
  for (const CsvRow& row : rows_below(kCurveColumns, text, file)) curve.push_back(point_of(row, file));
  return curve;
}

std::string post_trained_text(const std::vector<PostTrained>& rows) {
  const bool tasks = any_tasks(rows);
  std::string text = header_of(kPostTrainedColumns, tasks) + "\n";
  for (const auto& row : rows)
    text += fmt::format("{},{},{},{}{}\n", row.method, row.weights, text_if_any(row.loss), text_if_any(row.delta),
                        tasks ? tasks_text(row.cloze) : "");
  return text;
}

std::vector<PostTrained> post_trained_from_text(const std::string& text, const std::string& file) {
  std::vector<PostTrained> rows;
  for (const CsvRow& row : rows_below(kPostTrainedColumns, text, file)) rows.push_back(post_trained_of(row, file));
  return rows;
}

std::string compressed_text(const std::vector<Compressed>& rows) {
  std::string text = header_of(kCompressedColumns, true) + "\n";
  for (const auto& [task, params, loss, cloze] : rows)
    text += fmt::format("{},{},{},{},{},{},{},{},{}{}\n", task.method, text_if_any(task.share), text_if_any(task.depth),
                        text_if_any(task.width), text_if_any(task.heads), task.tokens, text_if_any(task.learning_rate),
                        params, text_if_any(loss), tasks_text(cloze));
  return text;
}

std::vector<Compressed> compressed_from_text(const std::string& text, const std::string& file) {
  std::vector<Compressed> rows;
  for (const CsvRow& row : rows_below(kCompressedColumns, text, file)) rows.push_back(compressed_of(row, file));
  return rows;
}

void write_run_files(const StoredRun& run, const fs::path& folder) {
  write_text(folder / "spec.yaml", yaml_text(to_json(run.spec)));
  write_text(folder / "record.json", to_json(run.record).dump(2) + "\n");
  write_text(folder / "curve.csv", curve_text(run.curve));
  if (!run.post_trained.empty()) write_text(folder / "ptq.csv", post_trained_text(run.post_trained));
  if (!run.compressed.empty()) write_text(folder / "compressed.csv", compressed_text(run.compressed));
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
  if (fs::exists(folder / "compressed.csv"))
    run.compressed = compressed_from_text(text("compressed.csv"), place("compressed.csv"));
  run.id = run_id(run.spec, run.record.corpus_digest);
  return run;
}

}  // namespace vernier::store
