#include "report/chart_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "report/numbers.h"

namespace vernier::report {

std::vector<double> distinct(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

std::map<double, std::string> names_of_counts(const std::vector<double>& values) {
  std::map<double, std::string> names;
  std::set<std::string> used;
  for (const double value : values) {
    names[value] = count(value);
    used.insert(names[value]);
  }
  if (used.size() < names.size())
    for (auto& [value, name] : names) name = fmt::format("{:.0f}", value);
  return names;
}

std::vector<std::string> in_order(const std::map<double, std::string>& names) {
  std::vector<std::string> list;
  for (const auto& [value, name] : names) list.push_back(name);
  return list;
}

std::map<std::string, std::string> format_names(const Study& study) {
  std::map<std::string, std::string> names;
  for (const auto& format : study.formats) names[format.precision] = format.name;
  return names;
}

std::vector<std::string> format_order(const Study& study) {
  std::vector<std::string> names;
  for (const auto& format : study.formats) names.push_back(format.name);
  return names;
}

std::vector<double> log_steps(double low, double high, int number) {
  const double margin = 1.15;
  const double from = std::log(low / margin), to = std::log(high * margin);
  std::vector<double> steps;
  for (int i = 0; i < number; ++i) steps.push_back(std::exp(from + (to - from) * i / (number - 1)));
  return steps;
}

Curve thinned(const Curve& curve, std::size_t most) {
  if (curve.size() <= most) return curve;
  const double first = std::log(std::max(1.0, double(curve.front().tokens)));
  const double step = (std::log(std::max(1.0, double(curve.back().tokens))) - first) / double(most - 1);
  Curve kept;
  double next = first;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double place = std::log(std::max(1.0, double(curve[i].tokens)));
    if (place < next && i + 1 < curve.size()) continue;
    kept.push_back(curve[i]);
    while (next <= place && step > 0) next += step;
  }
  return kept;
}

std::optional<double> known_entropy(const std::vector<StoredRun>& runs) {
  double sum = 0;
  int number = 0;
  for (const auto& run : runs)
    if (run.record.loss_floor) sum += *run.record.loss_floor, ++number;
  return number > 0 ? std::optional(sum / number) : std::nullopt;
}

}  // namespace vernier::report
