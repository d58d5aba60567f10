#include "format/gaussian.h"

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>

namespace vernier {

namespace {

constexpr double kFarOut = 12;      ///< deviations beyond which nothing lies
constexpr double kThinCell = 1e-3;  ///< width below which the density is taken as constant, as the closed form cancels
constexpr double kSmallest = 0.25, kBiggest = 64;
constexpr double kRatio = 1.0905077326652577;  ///< 2^(1/8), between two points of the coarse search

double density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }
double share_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double cube(double x) { return x * x * x; }

/// Integral of (x - level)^2 density(x) from a to b.
double cell_error(double level, double a, double b) {
  a = std::max(a, -kFarOut);
  b = std::min(b, kFarOut);
  if (a >= b) return 0;
  if (b - a < kThinCell) return density((a + b) / 2) * (cube(b - level) - cube(a - level)) / 3;
  const double mass = share_below(b) - share_below(a);
  const double first = density(a) - density(b), second = mass - (b * density(b) - a * density(a));
  return second - 2 * level * first + level * level * mass;
}

double error_of(const std::vector<double>& values, double scale) {
  double sum = 0, below = -kFarOut;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double level = values[i] * scale;
    const double above = i + 1 < values.size() ? (values[i] + values[i + 1]) / 2 * scale : kFarOut;
    sum += cell_error(level, below, above);
    below = above;
  }
  return sum;
}

double search(const NumberFormat& format) {
  const std::vector<double> values = values_of(format);
  const auto error = [&](double multiple) { return error_of(values, multiple / format.largest); };
  double best = kSmallest, least = error(best);
  for (double multiple = kSmallest * kRatio; multiple <= kBiggest; multiple *= kRatio)
    if (const double found = error(multiple); found < least * (1 - 1e-6)) {
      best = multiple;
      least = found;
    }
  double low = best / kRatio, high = best * kRatio;  // golden section
  while (high - low > 1e-4) {
    const double left = high - (high - low) / std::numbers::phi, right = low + (high - low) / std::numbers::phi;
    if (error(left) < error(right))
      high = right;
    else
      low = left;
  }
  return std::nearbyint((low + high) / 2 * 1024) / 1024;
}

}  // namespace

double gaussian_error(const NumberFormat& format, double largest_over_sigma) {
  return error_of(values_of(format), largest_over_sigma / format.largest);
}

double gaussian_optimum(const NumberFormat& format) {
  static std::mutex mutex;
  static std::map<std::string, double> known;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = known.try_emplace(format.name, 0);
  if (is_new) found->second = search(format);
  return found->second;
}

}  // namespace vernier
