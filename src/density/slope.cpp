#include "density/slope.h"

#include <cmath>
#include <map>

#include "fit/student.h"

namespace vernier::density {

namespace {

struct Sums {
  double w = 0, x = 0, y = 0;
};

/// Weighted slope within the N; absent where D does not vary within any.
std::optional<double> slope_of(const std::vector<SlopeRow>& rows, const std::vector<double>& y,
                               const std::vector<double>& times) {
  std::map<double, Sums> by_size;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::isfinite(y[i])) continue;
    Sums& sums = by_size[rows[i].params];
    sums.w += times[i], sums.x += times[i] * std::log(rows[i].tokens), sums.y += times[i] * y[i];
  }
  double xx = 0, xy = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::isfinite(y[i])) continue;
    const Sums& sums = by_size[rows[i].params];
    const double x = std::log(rows[i].tokens) - sums.x / sums.w;
    xx += times[i] * x * x;
    xy += times[i] * x * (y[i] - sums.y / sums.w);
  }
  return xx > 1e-9 ? std::optional(xy / xx) : std::nullopt;
}

/// Cells of one N and D, numbered.
std::vector<std::uint64_t> cells_of(const std::vector<SlopeRow>& rows, std::size_t& sizes, std::size_t& cells) {
  std::map<double, std::map<double, std::uint64_t>> numbers;
  for (const SlopeRow& row : rows) numbers[row.params][row.tokens] = 0;
  cells = 0;
  for (auto& [params, by_tokens] : numbers)
    for (auto& [tokens, number] : by_tokens) number = cells++;
  sizes = numbers.size();
  std::vector<std::uint64_t> cell;
  for (const SlopeRow& row : rows) cell.push_back(numbers[row.params][row.tokens]);
  return cell;
}

}  // namespace

std::optional<fit::Interval> slope_with_data(const std::vector<SlopeRow>& rows, std::size_t replicates,
                                             const Stream& stream) {
  std::vector<double> y;
  for (const SlopeRow& row : rows) y.push_back(row.log_density);
  std::size_t sizes = 0, cells = 0;
  const auto cell = cells_of(rows, sizes, cells);
  const auto slope = slope_of(rows, y, std::vector<double>(rows.size(), 1.0));
  if (!slope || cells < sizes + 2) return std::nullopt;
  fit::Interval interval{*slope, {}, {}, {}, {}};
  std::vector<double> slopes;
  for (std::size_t k = 0; k < replicates; ++k) {
    const Stream own = stream.child(std::uint64_t(k));
    std::vector<double> times;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      y[i] = (*rows[i].log_replicates)[k];
      times.push_back(-std::log1p(-own.uniform(cell[i])));
    }
    if (const auto drawn = slope_of(rows, y, times)) slopes.push_back(*drawn);
  }
  const auto ends = fit::interval_90(slopes);
  if (!ends) return interval;
  const std::size_t spared = cells - sizes - 1;
  const double widen = std::sqrt(double(cells) / double(spared)) * fit::student_95(spared) / fit::kNormal95;
  interval.lo = *slope + widen * (ends->first - *slope);
  interval.hi = *slope + widen * (ends->second - *slope);
  return interval;
}

}  // namespace vernier::density
