// Where a rising function crosses zero.
#pragma once

#include <cmath>

namespace vernier::law {

/// The x in [low, high] with f(x) = 0, f rising: a secant and a bisection in turn, so that the interval at least
/// halves, until it is as narrow as rounding of x allows or 1e-14. The end where f has the same sign on the whole
/// interval.
template <class F>
double crossing(const F& f, double low, double high) {
  constexpr double kNarrow = 1e-14;
  double at_low = f(low), at_high = f(high);
  if (!(at_low < 0)) return low;
  if (!(at_high > 0)) return high;
  const auto look_at = [&](double x) {
    if (!(x > low && x < high)) return;
    const double value = f(x);
    (value < 0 ? low : high) = x;
    (value < 0 ? at_low : at_high) = value;
  };
  for (double before = INFINITY; high - low > kNarrow && high - low < before;) {
    before = high - low;
    look_at(low - at_low * (high - low) / (at_high - at_low));
    look_at(low + (high - low) / 2);
  }
  return std::abs(at_low) < std::abs(at_high) ? low : high;
}

}  // namespace vernier::law
