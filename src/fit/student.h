// Student's t, for intervals from few degrees of freedom.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace vernier::fit {

inline constexpr double kNormal95 = 1.6448536269514722;  ///< 95 % quantile of the normal distribution

/// 95 % quantile of Student's t, degrees >= 1: a table where few degrees of freedom make it far from normal, else its
/// expansion in 1/df (Abramowitz and Stegun, 26.7.5). Two-sided, that is a 90 % interval.
inline double student_95(std::size_t degrees) {
  constexpr std::array kTable{6.313752, 2.919986, 2.353363, 2.131847, 2.015048,
                              1.943180, 1.894579, 1.859548, 1.833113, 1.812461};
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  constexpr double z = kNormal95;
  const double df = static_cast<double>(degrees);
  return z + (z * z * z + z) / (4 * df) + (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * df * df);
}

/// Probability that Student's t lies as far from zero as `t`, to either side; degrees >= 1 (Abramowitz and
/// Stegun, 26.7.3 and 26.7.4).
inline double student_p(double t, std::size_t degrees) {
  const double angle = std::atan(std::abs(t) / std::sqrt(static_cast<double>(degrees)));
  const double cosine = std::cos(angle);
  const bool odd = degrees % 2 == 1;
  double term = odd ? cosine : 1, sum = degrees == 1 ? 0 : term;
  for (std::size_t k = odd ? 3 : 2; k + 2 <= degrees; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  const double inside = odd ? 2 / M_PI * (angle + std::sin(angle) * sum) : std::sin(angle) * sum;
  return std::max(0.0, 1 - inside);
}

}  // namespace vernier::fit
