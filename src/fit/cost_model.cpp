#include "fit/cost_model.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <map>

#include "base/error.h"
#include "record/archive.h"
#include "store/csv.h"

namespace vernier::fit {
namespace {

class CostReader {
 public:
  explicit CostReader(const std::string& file) : file_(file) {}

  void add(std::size_t line, const std::string& format, const std::string& text) {
    const std::string place = fmt::format("{}:{}", file_, line);
    double cost = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), cost);
    const bool is_number = problem == std::errc() && end == text.data() + text.size();
    if (format.empty()) return say(place, "expected the name of a format, found nothing");
    if (!is_number || !std::isfinite(cost) || cost <= 0)
      return say(place, fmt::format("{}: expected a cost above zero relative to 16 bits, found '{}'", format, text));
    if (const auto [first, is_new] = lines_.try_emplace(format, line); !is_new)
      return say(place, fmt::format("{}: given twice, first in line {}", format, first->second));
    costs_.push_back({format, cost, place});
  }
  void say(const std::string& place, const std::string& what) { problems_.push_back(place + ": " + what); }

  std::vector<FormatCost> finish() {
    if (costs_.empty() && problems_.empty()) say(file_, "expected at least one format with its cost, found none");
    refuse_if(problems_);
    return costs_;
  }

 private:
  std::string file_;
  Problems problems_;
  std::map<std::string, std::size_t> lines_;
  std::vector<FormatCost> costs_;
};

void read_csv(CostReader& reader, const std::string& file, const std::string& text) {
  const auto rows = store::parse_csv(text, file);
  if (rows.empty()) return;
  std::size_t format = rows[0].fields.size(), cost = format;
  for (std::size_t k = 0; k < rows[0].fields.size(); ++k) {
    if (rows[0].fields[k].text == "format") format = k;
    if (rows[0].fields[k].text == "cost") cost = k;
  }
  if (format == rows[0].fields.size() || cost == rows[0].fields.size())
    return reader.say(fmt::format("{}:{}", file, rows[0].line), "expected the columns format and cost");
  for (std::size_t row = 1; row < rows.size(); ++row)
    reader.add(rows[row].line, rows[row].fields[format].text, rows[row].fields[cost].text);
}

std::size_t line_of(const YAML::Node& node) { return std::size_t(node.Mark().line + 1); }

void read_yaml(CostReader& reader, const std::string& file, const std::string& text) {
  YAML::Node root;
  try {
    root = YAML::Load(text);
  } catch (const YAML::Exception& problem) {
    return reader.say(fmt::format("{}:{}", file, problem.mark.line + 1),
                      fmt::format("not YAML ({}); expected lines such as 'int8: 0.55'", problem.msg));
  }
  if (root.IsNull()) return;
  if (!root.IsMap())
    return reader.say(fmt::format("{}:{}", file, line_of(root)), "expected lines such as 'int8: 0.55'");
  for (const auto& pair : root) {
    if (pair.first.IsScalar() && pair.second.IsScalar())
      reader.add(line_of(pair.first), pair.first.Scalar(), pair.second.Scalar());
    else
      reader.say(fmt::format("{}:{}", file, line_of(pair.first)), "expected the name of a format and one number");
  }
}

}  // namespace

std::vector<FormatCost> read_costs(const std::string& file) {
  const std::string text = text_of_file(file);
  CostReader reader(file);
  file.ends_with(".csv") ? read_csv(reader, file, text) : read_yaml(reader, file, text);
  return reader.finish();
}

}  // namespace vernier::fit
