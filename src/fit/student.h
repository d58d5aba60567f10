// Student's t, for intervals from few degrees of freedom.
#pragma once

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

}  // namespace vernier::fit
