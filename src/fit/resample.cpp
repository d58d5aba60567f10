#include "fit/resample.h"

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
std::vector<double> times_of(std::size_t rows, const Strata& strata, const Stream& stream) {
  std::vector<double> times(rows, 0);
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
  return times;
}

}  // namespace

Times drawn_times(const Problem& problem, const Setting& setting, const std::vector<double>& theta,
                  std::int64_t replicates, const Stream& stream) {
  Sample whole;
  for (std::size_t row = 0; row < problem.points().size(); ++row) whole.rows.push_back(int(row));
  const auto leverage = leverages(problem, setting.freedom, whole.rows, theta);
  Strata strata;
  for (auto& cells : strata_of(problem, whole)) {
    auto& stratum = strata.emplace_back();
    for (auto& cell : cells) {
      const Weight weight = weight_of(cell, leverage);
      stratum.emplace_back(std::move(cell), weight);
    }
  }
  Times times;
  for (std::int64_t k = 0; k < replicates; ++k)
    times.push_back(times_of(whole.rows.size(), strata, stream.child(std::uint64_t(k)).child("runs")));
  return times;
}

}  // namespace vernier::fit
