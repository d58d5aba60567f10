#include "store/run_folder.h"

#include <charconv>

#include "record/archive.h"
#include "store/csv.h"
#include "store/files.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

constexpr std::array<std::string_view, 6> kCurveColumns{"step",       "tokens",   "learning_rate",
                                                        "loss_train", "loss_val", "gradient_norm"};

template <class Number>
Number number_in(const CsvRow& row, std::size_t column, const std::string& file) {
  const std::string& text = row.fields[column].text;
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Error(fmt::format("{}:{}: {}: expected a number, got '{}'", file, row.line, kCurveColumns[column], text));
  return value;
}

CurvePoint point_of(const CsvRow& row, const std::string& file) {
  CurvePoint point;
  point.step = number_in<std::int64_t>(row, 0, file);
  point.tokens = number_in<std::int64_t>(row, 1, file);
  point.learning_rate = number_in<double>(row, 2, file);
  point.loss_train = number_in<double>(row, 3, file);
  if (!row.fields[4].text.empty()) point.loss_val = number_in<double>(row, 4, file);
  point.gradient_norm = number_in<double>(row, 5, file);
  return point;
}

}  // namespace

std::string curve_text(const Curve& curve) {
  std::string text = fmt::format("{}\n", fmt::join(kCurveColumns, ","));
  for (const auto& point : curve)
    text += fmt::format("{},{},{},{},{},{}\n", point.step, point.tokens, point.learning_rate, point.loss_train,
                        point.loss_val ? fmt::format("{}", *point.loss_val) : "", point.gradient_norm);
  return text;
}

Curve curve_from_text(const std::string& text, const std::string& file) {
  const std::vector<CsvRow> rows = parse_csv(text, file);
  bool known = !rows.empty() && rows[0].fields.size() == kCurveColumns.size();
  for (std::size_t i = 0; known && i < kCurveColumns.size(); ++i) known = rows[0].fields[i].text == kCurveColumns[i];
  if (!known) throw Error(fmt::format("{}:1: expected the header {}", file, fmt::join(kCurveColumns, ",")));
  if (text.back() != '\n') throw Error(fmt::format("{}: its last line has no end; expected a whole file", file));
  Curve curve;
  for (std::size_t i = 1; i < rows.size(); ++i) curve.push_back(point_of(rows[i], file));
  return curve;
}

void write_run_files(const StoredRun& run, const fs::path& folder) {
  write_text(folder / "spec.yaml", yaml_text(to_json(run.spec)));
  write_text(folder / "record.json", to_json(run.record).dump(2) + "\n");
  write_text(folder / "curve.csv", curve_text(run.curve));
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
  run.id = run_id(run.spec, run.record.corpus_digest);
  return run;
}

}  // namespace vernier::store
