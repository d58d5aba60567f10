#include "fit/where.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"

namespace vernier::fit {
namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string unquoted(const std::string& text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() && (text.front() == '\'' || text.front() == '"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::vector<std::string> parts_of(const std::string& text, const std::string& between) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto end = text.find(between); end != std::string::npos; end = text.find(between, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + between.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

Comparison parse_comparison(const std::string& text) {
  constexpr std::array signs{"==", "!=", "<=", ">=", "<", ">"};  // the longer before the shorter
  for (const char* sign : signs) {
    const auto place = text.find(sign);
    if (place == std::string::npos) continue;
    const Comparison comparison{unquoted(trimmed(text.substr(0, place))), sign,
                                unquoted(trimmed(text.substr(place + std::string(sign).size())))};
    if (!comparison.column.empty()) return comparison;
  }
  throw Error(fmt::format("--where: expected comparisons such as weight_bits==4, joined by && or ||; got '{}'", text));
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Value>
bool compare(const Value& left, const std::string& sign, const Value& right) {
  if (sign == "==") return left == right;
  if (sign == "!=") return left != right;
  if (sign == "<=") return left <= right;
  if (sign == ">=") return left >= right;
  return sign == "<" ? left < right : left > right;
}

bool holds(const Comparison& comparison, const std::optional<std::string>& value) {
  if (!value) return comparison.sign == "!=";
  const auto left = number(*value), right = number(comparison.text);
  if (left && right) return compare(*left, comparison.sign, *right);
  if (comparison.sign != "==" && comparison.sign != "!=")
    throw Error(fmt::format("--where: {} {} {}: expected numbers on both sides, found '{}'", comparison.column,
                            comparison.sign, comparison.text, *value));
  return compare(*value, comparison.sign, comparison.text);
}

}  // namespace

Condition parse_where(const std::string& text) {
  if (trimmed(text).empty()) return {};
  Condition condition;
  for (const auto& alternative : parts_of(text, "||")) {
    condition.emplace_back();
    for (const auto& part : parts_of(alternative, "&&")) condition.back().push_back(parse_comparison(part));
  }
  return condition;
}

bool holds(const Condition& condition, const std::function<std::optional<std::string>(const std::string&)>& value_of) {
  if (condition.empty()) return true;
  return std::any_of(condition.begin(), condition.end(), [&](const auto& conjunction) {
    return std::all_of(conjunction.begin(), conjunction.end(),
                       [&](const Comparison& c) { return holds(c, value_of(c.column)); });
  });
}

}  // namespace vernier::fit
