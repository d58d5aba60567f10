#include "fit/holdout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "law/symbol.h"

namespace vernier::fit {
namespace {

using law::RunPoint;

Split largest(const std::vector<RunPoint>& points, double RunPoint::*member, double count) {
  std::set<double, std::greater<>> sizes;
  for (const auto& point : points) sizes.insert(point.*member);
  if (!(count >= 1) || count != std::floor(count) || count >= static_cast<double>(sizes.size())) return {};
  const double smallest_held = *std::next(sizes.begin(), std::ptrdiff_t(count) - 1);
  Split parts;
  for (const auto& point : points) (point.*member >= smallest_held ? parts.held_out : parts.fitted).push_back(point);
  return parts;
}

Split fraction(const std::vector<RunPoint>& points, double share, const Stream& stream) {
  std::map<std::string, std::vector<std::pair<std::uint64_t, std::size_t>>> order;
  for (std::size_t i = 0; i < points.size(); ++i) order[points[i].precision].push_back({stream.bits(i), i});
  std::set<std::size_t> held;
  for (auto& [precision, members] : order) {
    std::sort(members.begin(), members.end());
    const auto count = static_cast<std::size_t>(std::llround(share * static_cast<double>(members.size())));
    for (std::size_t k = 0; k < count && k < members.size(); ++k) held.insert(members[k].second);
  }
  Split parts;
  for (std::size_t i = 0; i < points.size(); ++i)
    (held.contains(i) ? parts.held_out : parts.fitted).push_back(points[i]);
  return parts;
}

}  // namespace

namespace {

/// One precision after the other.
std::vector<Split> unseen_precisions(const std::vector<RunPoint>& points) {
  std::set<std::string> labels;
  for (const auto& point : points)
    if (law::is_rounded(point)) labels.insert(point.precision);
  std::vector<Split> parts;
  for (const auto& label : labels) {
    Split& part = parts.emplace_back();
    for (const auto& point : points) (point.precision == label ? part.held_out : part.fitted).push_back(point);
  }
  if (labels.size() < 2)
    throw Error(fmt::format("--holdout unseen_precision: expected at least 2 precisions beside the baseline, got {}",
                            labels.size()));
  return parts;
}

}  // namespace

std::vector<Split> splits(const std::vector<RunPoint>& points, const std::string& rule, const Stream& stream) {
  if (rule == "unseen_precision") return unseen_precisions(points);
  const auto colon = rule.find(':');
  const std::string kind = rule.substr(0, colon), text = colon == std::string::npos ? "" : rule.substr(colon + 1);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = problem == std::errc() && end == text.data() + text.size() && !text.empty();
  if (!is_number || (kind != "largest_n" && kind != "largest_d" && kind != "fraction"))
    throw Error(
        fmt::format("--holdout: expected largest_n:k, largest_d:k, fraction:f or unseen_precision, got '{}'", rule));
  if (kind == "fraction" && !(value > 0 && value < 1))
    throw Error(fmt::format("--holdout: expected a fraction between 0 and 1, got {}", text));
  Split parts = kind == "largest_n"   ? largest(points, &RunPoint::params, value)
                : kind == "largest_d" ? largest(points, &RunPoint::tokens, value)
                                      : fraction(points, value, stream);
  if (parts.fitted.empty() || parts.held_out.empty())
    throw Error(fmt::format("--holdout {}: expected some of the {} runs on either side, got {} to fit and {} held out",
                            rule, points.size(), parts.fitted.size(), parts.held_out.size()));
  return {std::move(parts)};
}

}  // namespace vernier::fit
