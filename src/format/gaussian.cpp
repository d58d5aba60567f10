#include "format/gaussian.h"

#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numbers>
#include <utility>

namespace vernier {

namespace {

constexpr double kFarOut = 12;      ///< deviations beyond which nothing lies
constexpr double kThinCell = 1e-3;  ///< width below which the density is taken as constant, as the closed form cancels
constexpr double kSmallest = 0.25, kBiggest = 64;
constexpr double kRatio = 1.0905077326652577;  ///< 2^(1/8), between two points of the coarse search
constexpr int kExactBits = 10;                 ///< of formats whose cells are summed one by one under an absmax scale

double density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }
double share_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double share_within(double x) { return std::erf(x / std::numbers::sqrt2); }

double cube(double x) { return x * x * x; }

/// Integral of (x - level)^2 density(x) from a to b.
double cell_error(double level, double a, double b) {
  if (a >= b) return 0;
  if (b - a < kThinCell) return density((a + b) / 2) * (cube(b - level) - cube(a - level)) / 3;
  const double mass = share_below(b) - share_below(a);
  const double first = density(a) - density(b), second = mass - (b * density(b) - a * density(a));
  return second - 2 * level * first + level * level * mass;
}

/// Of rounding to the nearest of `values` times `scale`, over the normal numbers of at most `most`.
double error_within(const std::vector<double>& values, double scale, double most) {
  double sum = 0, below = -most;
  for (std::size_t i = 0; i < values.size() && below < most; ++i) {
    const double above = i + 1 < values.size() ? (values[i] + values[i + 1]) / 2 * scale : most;
    sum += cell_error(values[i] * scale, below, std::min(above, most));
    below = std::max(below, above);
  }
  return sum;
}

double error_of(const std::vector<double>& values, double scale) { return error_within(values, scale, kFarOut); }

/// The multiple of sigma for the largest of `values` at which the error is smallest.
double best_largest(const std::vector<double>& values) {
  const auto error = [&](double multiple) { return error_of(values, multiple / values.back()); };
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

/// error_within for formats of so many values that each cell is narrow: step^2/12 in each range of one step.
double narrow_error_within(const NumberFormat& format, double scale, double most) {
  double step = std::ldexp(scale, format.smallest_exponent), lower = 0, sum = 0;
  double upper = format.kind == Kind::Integer ? most : step * std::ldexp(1.0, format.significand_bits);
  for (; lower < most; lower = upper, upper *= 2, step *= 2)
    sum += step * step / 12 * (share_within(std::min(upper, most)) - share_within(lower));
  return sum;
}

/// The x at which rising(x) passes 0, between 0 and kFarOut.
template <class Function>
double root_of(const Function& rising) {
  double low = 0, high = kFarOut;
  for (int k = 0; k < 60; ++k) (rising((low + high) / 2) < 0 ? low : high) = (low + high) / 2;
  return high;
}

/// Mean of conditional(m) over the distribution of m, the largest magnitude of `group` normal numbers:
/// its density is G share_within(m)^(G - 1) 2 density(m). Simpson's rule where that is not negligible.
template <class Function>
double mean_over_largest(double group, const Function& conditional) {
  constexpr int kIntervals = 200;
  constexpr double kNegligible = 1e-13;
  const double low = root_of([&](double m) { return group * std::log(share_within(m)) - std::log(kNegligible); });
  const double high = root_of([&](double m) { return kNegligible - group * std::erfc(m / std::numbers::sqrt2); });
  const double width = (high - low) / kIntervals;
  double sum = 0;
  for (int k = 0; k <= kIntervals; ++k) {
    const double m = low + k * width, weight = k == 0 || k == kIntervals ? 1 : k % 2 == 1 ? 4 : 2;
    sum += weight * group * std::pow(share_within(m), group - 1) * 2 * density(m) * conditional(m);
  }
  return sum * width / 3;
}

double absmax_error(const NumberFormat& format, double group) {
  const bool narrow = format.bits > kExactBits;
  const std::vector<double> values = narrow ? std::vector<double>{} : values_of(format);
  const double others = mean_over_largest(group, [&](double m) {
    const double scale = m / format.largest;
    return (narrow ? narrow_error_within(format, scale, m) : error_within(values, scale, m)) / share_within(m);
  });
  return others * (group - 1) / group;
}

/// What `compute` gives for a key, computed once.
template <class Key, class Compute>
double remembered(std::map<Key, double>& known, const Key& key, const Compute& compute) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = known.try_emplace(key, 0);
  if (is_new) found->second = compute();
  return found->second;
}

}  // namespace

double gaussian_error(const NumberFormat& format, double largest_over_sigma) {
  return error_of(values_of(format), largest_over_sigma / format.largest);
}

double gaussian_optimum(const NumberFormat& format) {
  static std::map<std::string, double> known;
  return remembered(known, format.name, [&] { return best_largest(values_of(format)); });
}

double gaussian_error_of_absmax(const NumberFormat& format, double group) {
  if (!(group >= 1)) return std::numeric_limits<double>::quiet_NaN();
  static std::map<std::pair<std::string, double>, double> known;
  return remembered(known, {format.name, group}, [&] { return absmax_error(format, group); });
}

double gaussian_error_of_levels(int bits) {
  static std::map<int, double> known;
  return remembered(known, bits, [&] {
    std::vector<double> levels;
    const int count = 1 << bits;
    for (int k = 0; k < count; ++k) levels.push_back(2 * k + 1 - count);
    return error_of(levels, best_largest(levels) / levels.back());
  });
}

double gaussian_error(const Number& number, double group) {
  const NumberFormat& format = number.format;
  const bool cast = number.scale == Scale::None;
  if (!cast && !needs_whole_group(number.scale)) return gaussian_error_of_absmax(format, group);
  static std::map<std::pair<std::string, bool>, double> known;
  return remembered(known, {format.name, cast},
                    [&] { return gaussian_error(format, cast ? format.largest : gaussian_optimum(format)); });
}

}  // namespace vernier
