#include "fit/identified.h"

#include <algorithm>
#include <cmath>

#include "fit/profile.h"

namespace vernier::fit {
namespace {

constexpr double kWidest = 0.5;        // of the estimate
constexpr double kWidestFactor = 3.0;  // between the ends of a scaled coefficient

/// lo, hi and se from the replicates; absent where there are too few.
Interval from_replicates(double value, const std::vector<double>& replicates) {
  Interval result{value, {}, {}, {}, {}};
  const auto range = interval_90(replicates);
  if (!range) return result;
  std::tie(result.lo, result.hi) = *range;
  double mean = 0, square = 0;
  for (const double r : replicates) mean += r / static_cast<double>(replicates.size());
  for (const double r : replicates) square += (r - mean) * (r - mean);
  result.se = std::sqrt(square / static_cast<double>(replicates.size() - 1));
  return result;
}

bool is_narrow(const Interval& interval, const law::Symbol& symbol, bool is_scaled) {
  if (is_scaled) return *interval.lo > 0 && *interval.hi <= kWidestFactor * *interval.lo;
  const bool may_be_zero = symbol.scale == law::Scale::Linear && symbol.lowest < 0 && symbol.highest > 0;
  const double size = may_be_zero ? std::max(1.0, std::abs(interval.value)) : std::abs(interval.value);
  return *interval.hi - *interval.lo <= kWidest * size;
}

bool touches_bound(const Interval& interval, const law::Symbol& symbol, double upper) {
  const double slack = 1e-6 * std::max(1.0, std::abs(interval.value));
  return *interval.lo <= symbol.lowest + slack || *interval.hi >= upper - slack;
}

}  // namespace

std::vector<Interval> intervals(const Problem& problem, const Problem& in_natural_units, const Setting& setting,
                                const Search& found, const Sample& sample, double delta,
                                const std::vector<std::vector<double>>& replicates, const Curvature& around,
                                std::int64_t threads) {
  const Freedom& freedom = setting.freedom;
  const std::vector<double> values = problem.natural(found.best.theta);
  const Descent natural{values, found.best.objective};
  const auto& parameters = problem.parameters();
  const auto is_scaled = [&](std::size_t g) { return values[g] != found.best.theta[g]; };
  std::vector<Profile> profiles(freedom.size());
  if (!replicates.empty()) {
    const double rise = rise_of_90(problem, sample, delta, found.best.theta, freedom.size());
    in_parallel(std::int64_t(freedom.size()), threads, [&](std::int64_t k) {
      const auto u = std::size_t(k);
      const bool scaled = is_scaled(std::size_t(freedom.parameter[u]));
      profiles[u] =
          profile(scaled ? in_natural_units : problem, freedom, sample, delta, scaled ? natural : found.best, u, rise);
    });
  }
  std::vector<Interval> result;
  for (std::size_t g = 0; g < values.size(); ++g) {
    result.push_back({values[g], {}, {}, {}, {}});
    if (freedom.variable[g] < 0 || replicates.empty()) continue;
    const auto u = std::size_t(freedom.variable[g]);
    Interval& interval = result.back();
    std::vector<double> sampled;
    for (const auto& replicate : replicates) sampled.push_back(replicate[g]);
    if (!around.free[u]) interval = from_replicates(values[g], sampled);  // else the replicates' spread means nothing
    interval.profile_lo = profiles[u].lo;
    interval.profile_hi = profiles[u].hi;
    interval.identified = interval.lo && profiles[u].lo && profiles[u].hi &&
                          !touches_bound(interval, parameters[g].symbol, freedom.upper[u]) &&
                          is_narrow(interval, parameters[g].symbol, is_scaled(g));
    if (*interval.identified) continue;
    for (const int other : around.with[u])
      interval.with.push_back(parameters[std::size_t(freedom.parameter[std::size_t(other)])].name);
  }
  return result;
}

}  // namespace vernier::fit
