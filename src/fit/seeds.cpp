#include "fit/seeds.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "fit/student.h"

namespace vernier::fit {
namespace {

constexpr double kLeastWeight = 0.1, kMostWeight = 10;
constexpr int kIterations = 25;

struct Cell {
  double log_params, variance, degrees;
};

/// Variances of ln L over the seeds of each cell.
std::vector<Cell> cells_of(const std::vector<law::RunPoint>& points) {
  using Key = std::tuple<double, double, std::string, std::string, std::string>;
  std::map<Key, std::map<std::string, double>> losses;  // by seed: a run that stands twice counts once
  for (const auto& point : points)
    if (!point.seed.empty() && point.loss > 0)
      losses[{point.params, point.tokens, point.precision, point.method, point.post.number}][point.seed] =
          std::log(point.loss);
  std::vector<Cell> cells;
  for (const auto& [key, by_seed] : losses) {
    if (by_seed.size() < 2) continue;
    const auto n = static_cast<double>(by_seed.size());
    double mean = 0, square = 0;
    for (const auto& [seed, value] : by_seed) mean += value / n;
    for (const auto& [seed, value] : by_seed) square += (value - mean) * (value - mean);
    cells.push_back({std::log(std::get<0>(key)), square / (n - 1), n - 1});
  }
  return cells;
}

struct Line {
  double level, slope, slope_error;  ///< of ln variance by ln N
};

/// ln variance = level + slope (x - mean), a variance of k degrees having the relative variance 2/k.
Line regression(const std::vector<Cell>& cells, double pooled, double mean) {
  Line line{std::log(pooled), 0, INFINITY};
  for (int k = 0; k < kIterations; ++k) {
    double w = 0, wx = 0, wxx = 0, wz = 0, wxz = 0;
    for (const auto& cell : cells) {
      const double x = cell.log_params - mean, eta = line.level + line.slope * x;
      const double working = eta + cell.variance / std::exp(eta) - 1, weight = cell.degrees / 2;
      w += weight, wx += weight * x, wxx += weight * x * x, wz += weight * working, wxz += weight * x * working;
    }
    const double determinant = w * wxx - wx * wx;
    if (!(determinant > 1e-12 * w * w)) return {std::log(pooled), 0, INFINITY};  // one N
    line = {(wxx * wz - wx * wxz) / determinant, (w * wxz - wx * wz) / determinant, std::sqrt(w / determinant)};
  }
  return line;
}

}  // namespace

double SeedNoise::at(double n) const { return sigma * std::pow(n / params, exponent); }

std::optional<SeedNoise> seed_noise(const std::vector<law::RunPoint>& points) {
  const auto cells = cells_of(points);
  double degrees = 0, square = 0, mean = 0;
  for (const auto& cell : cells) {
    degrees += cell.degrees;
    square += cell.degrees * cell.variance;
    mean += cell.log_params / static_cast<double>(cells.size());
  }
  if (!(square > 0)) return std::nullopt;
  SeedNoise noise{std::sqrt(square / degrees), 0, std::exp(mean), std::int64_t(cells.size()), std::int64_t(degrees)};
  const Line line = regression(cells, square / degrees, mean);
  if (cells.size() > 2 && std::isfinite(line.slope) &&
      std::abs(line.slope) > student_95(cells.size() - 2) * line.slope_error) {
    noise.sigma = std::exp(line.level / 2);
    noise.exponent = line.slope / 2;
  }
  return noise;
}

void weigh_by(const SeedNoise& noise, std::vector<law::RunPoint>& points) {
  if (noise.exponent == 0) return;
  double sum = 0;
  for (auto& point : points) sum += point.weight = std::pow(noise.at(point.params) / noise.sigma, -2);
  for (auto& point : points)
    point.weight = std::clamp(point.weight * static_cast<double>(points.size()) / sum, kLeastWeight, kMostWeight);
}

}  // namespace vernier::fit
