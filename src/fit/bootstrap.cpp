#include "fit/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "fit/curvature.h"
#include "fit/labels.h"

namespace vernier::fit {
namespace {

using Cell = std::vector<int>;  // runs that differ in their seed only

constexpr std::size_t kSmallestStratum = 4;  // cells; fewer would hardly vary
constexpr std::size_t kMostStrata = 10;  // where every run has its own shape, shapes of like size are taken together

/// Cells by shape, neighbouring shapes together where they have few; all together for a law without N.
std::vector<std::vector<Cell>> strata_of(const Problem& problem, const Sample& sample) {
  std::map<std::tuple<double, double, std::string, std::string>, Cell> cells;
  for (const int row : sample.rows) {
    const auto& point = problem.points()[std::size_t(row)];
    std::string others = point.post.rounded ? point.method + " " + part_label(point.post) : "";
    const bool sized = problem.looks_at_size() && point.params > 0 && point.tokens > 0;
    if (!sized) others += " " + point.run;  // who knows what these repeat
    cells[{sized ? point.params : 0, sized ? point.tokens : 0, point.precision, others}].push_back(row);
  }
  const std::size_t smallest = std::max(kSmallestStratum, cells.size() / kMostStrata);
  std::vector<std::vector<Cell>> strata;
  double params = 0;
  for (auto& [key, cell] : cells) {
    if (strata.empty() || (std::get<0>(key) != params && strata.back().size() >= smallest)) strata.emplace_back();
    params = std::get<0>(key);
    strata.back().push_back(std::move(cell));
  }
  if (strata.size() > 1 && strata.back().size() < smallest) {
    auto& before = strata[strata.size() - 2];
    std::move(strata.back().begin(), strata.back().end(), std::back_inserter(before));
    strata.pop_back();
  }
  return strata;
}

/// The power q of an exponential variable X with which X^q has the variance of its squared mean times `variance`.
double power_of_variance(double variance) {
  double low = 1, high = 4;
  for (int k = 0; k < 60; ++k) {
    const double q = (low + high) / 2;
    (std::exp(std::lgamma(1 + 2 * q) - 2 * std::lgamma(1 + q)) - 1 < variance ? low : high) = q;
  }
  return (low + high) / 2;
}

/// The law of one cell's weight: a power of an exponential variable, over its mean.
struct Weight {
  double power, mean;
};

/// A residual is the smaller the more its run pulls the fit; weights that vary by 1/(1 - leverage) make up for it, as
/// HC2 does for a covariance (MacKinnon and White, 1985).
Weight weight_of(const Cell& cell, const std::vector<double>& leverage) {
  constexpr double kMostLeverage = 0.9;
  double pull = 0;
  for (const int row : cell) pull += leverage[std::size_t(row)];
  const double power = power_of_variance(1 / (1 - std::min(pull, kMostLeverage)));
  return {power, std::tgamma(1 + power)};
}

using Strata = std::vector<std::vector<std::pair<Cell, Weight>>>;

/// Each cell counts a random number of times, cells of one stratum together as often as there are.
Sample resampled(const Problem& problem, const Strata& strata, const Stream& stream) {
  std::vector<double> times(problem.points().size(), 0);
  std::uint64_t counter = 0;
  for (const auto& cells : strata) {
    std::vector<double> draws;
    double sum = 0;
    for (const auto& [cell, weight] : cells) {
      draws.push_back(std::pow(-std::log1p(-stream.uniform(counter++)), weight.power) / weight.mean);
      sum += draws.back();
    }
    for (std::size_t k = 0; k < cells.size(); ++k)
      for (const int row : cells[k].first) times[std::size_t(row)] = draws[k] / sum * static_cast<double>(cells.size());
  }
  Sample sample;
  for (std::size_t row = 0; row < times.size(); ++row) {
    if (!(times[row] > 0)) continue;
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
  const auto leverage = leverages(problem, setting.freedom, whole.rows, found.best.theta);
  Strata strata;
  for (auto& cells : strata_of(problem, whole)) {
    auto& stratum = strata.emplace_back();
    for (auto& cell : cells) {
      const Weight weight = weight_of(cell, leverage);
      stratum.emplace_back(std::move(cell), weight);
    }
  }
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

}  // namespace vernier::fit
