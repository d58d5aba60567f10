#include "fit/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace vernier::fit {
namespace {

using Cell = std::vector<int>;                            // runs that differ in their seed only
using Strata = std::map<std::string, std::vector<Cell>>;  // by precision

Strata strata_of(const Problem& problem, const Sample& sample) {
  std::map<std::tuple<std::string, double, double>, Cell> cells;
  for (const int row : sample.rows) {
    const auto& point = problem.points()[std::size_t(row)];
    cells[{point.precision, point.params, point.tokens}].push_back(row);
  }
  Strata strata;
  for (auto& [key, cell] : cells) strata[std::get<0>(key)].push_back(std::move(cell));
  return strata;
}

/// As many cells as there are, drawn with replacement; a run drawn twice counts twice.
Sample resampled(const Problem& problem, const Strata& strata, const Stream& stream) {
  std::vector<double> times(problem.points().size(), 0);
  std::uint64_t counter = 0;
  for (const auto& [precision, cells] : strata)
    for (std::size_t k = 0; k < cells.size(); ++k)
      for (const int row : cells[stream.below(cells.size(), counter++)]) times[std::size_t(row)] += 1;
  Sample sample;
  for (std::size_t row = 0; row < times.size(); ++row) {
    if (times[row] == 0) continue;
    sample.rows.push_back(int(row));
    sample.weights.push_back(times[row] * problem.points()[row].weight);
  }
  return sample;
}

}  // namespace

std::vector<std::vector<double>> bootstrap(const Problem& problem, const Setting& setting, const Search& found,
                                           double delta, std::int64_t replicates, Stream stream, std::int64_t threads) {
  constexpr std::size_t kKnownOptima = 2;
  constexpr std::uint64_t kFreshDraws = 2;
  constexpr int kShort = 12, kLong = 80;  // all starts go a short way, the best one on to its end
  Sample whole;
  for (std::size_t row = 0; row < problem.points().size(); ++row) whole.rows.push_back(int(row));
  const Strata strata = strata_of(problem, whole);
  std::vector<Descent> known{found.best};
  for (const auto& end : different(found.ends, kKnownOptima))
    if (end.objective > found.best.objective * (1 + 1e-4)) known.push_back(end);

  std::vector<Descent> best(static_cast<std::size_t>(replicates));
  in_parallel(replicates, threads, [&](std::int64_t k) {
    const Stream own = stream.child(std::uint64_t(k));
    const Sample sample = resampled(problem, strata, own.child("runs"));
    std::vector<Descent> starts = known;
    for (std::uint64_t j = 0; j < kFreshDraws; ++j)
      starts.push_back(draw_start(problem, setting, sample, delta, own.child("start").child(j)));
    Descent leader;
    for (const auto& start : starts) {
      if (start.theta.empty()) continue;
      const Descent end = descend(problem, setting.freedom, sample, delta, start.theta, kShort, 1e-5);
      if (end.objective < leader.objective) leader = end;
    }
    if (std::isfinite(leader.objective))
      best[std::size_t(k)] = descend(problem, setting.freedom, sample, delta, leader.theta, kLong, 1e-7);
  });
  std::vector<std::vector<double>> thetas;
  for (auto& end : best)
    if (std::isfinite(end.objective)) thetas.push_back(std::move(end.theta));
  return thetas;
}

Interval interval_of(double value, std::vector<double> replicates, const law::Symbol& symbol, double upper) {
  constexpr double kWidest = 0.5;  // of the estimate
  Interval result{value, {}, {}, {}, {}};
  double mean = 0, square = 0;
  for (const double r : replicates) mean += r / static_cast<double>(replicates.size());
  for (const double r : replicates) square += (r - mean) * (r - mean);
  const auto range = interval_90(replicates);
  if (!range) return result;
  std::tie(result.lo, result.hi) = *range;
  result.se = std::sqrt(square / static_cast<double>(replicates.size() - 1));
  const bool may_be_zero = symbol.scale == law::Scale::Linear && symbol.lowest < 0;
  const double size = may_be_zero ? std::max(1.0, std::abs(value)) : std::abs(value);
  const double slack = 1e-6 * std::max(1.0, std::abs(value));
  const bool at_bound = *result.lo <= symbol.lowest + slack || *result.hi >= upper - slack;
  result.identified = !at_bound && *result.hi - *result.lo <= kWidest * size;
  return result;
}

}  // namespace vernier::fit
