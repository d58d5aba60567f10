// Non-negative least squares of a few unknowns, from its normal equations.
#pragma once

#include <Eigen/Dense>

namespace vernier::fit {

inline constexpr int kMostCoefficients = 6;
using SmallMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, kMostCoefficients, kMostCoefficients>;
using SmallVector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, kMostCoefficients, 1>;

/// The x >= 0 that minimises x^T H x / 2 - b^T x, H positive semi-definite, by trying the sets of positive unknowns:
/// with so few of them that is exact and quick.
SmallVector non_negative_minimum(const SmallMatrix& H, const SmallVector& b);

}  // namespace vernier::fit
