// Minimises the sum of Huber terms of log residuals by variable projection (LAWS.md, section 9.2): the coefficients
// solve a small non-negative least-squares problem for every trial of the shape parameters, which alone are searched.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "fit/problem.h"

namespace vernier::fit {

/// Which runs count, and how much.
struct Sample {
  std::vector<int> rows;        ///< indices into Problem::points()
  std::vector<double> weights;  ///< one per row, > 0
};

/// What may move. Parameters that are tied share one variable.
struct Freedom {
  std::vector<int> variable;         ///< of each parameter; -1 where it is fixed
  std::vector<int> parameter;        ///< first parameter of each variable
  std::vector<double> lower, upper;  ///< of each variable, in natural units
  std::size_t size() const { return parameter.size(); }
};

/// rho(r) = r^2/2 for |r| <= delta, else delta (|r| - delta/2).
inline double huber(double residual, double delta) {
  const double size = std::abs(residual), inner = std::min(size, delta);
  return inner * (size - 0.5 * inner);
}

/// Sum over the sample of weight * huber(residual); infinite where any run lies outside the law.
double objective_of(const Problem& problem, const Sample& sample, double delta, std::span<const double> theta);

struct Descent {
  std::vector<double> theta;  ///< all parameters
  double objective = std::numeric_limits<double>::infinity();
};

/// Solves for the coefficients alone, leaving the shape parameters of theta; from nothing (`warm` false) or from the
/// coefficients that theta holds. At most `iterations` rounds of re-weighted non-negative least squares.
Descent project(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta,
                std::vector<double> theta, bool warm, int iterations);

/// Descends from theta until two steps in a row gain less than `tolerance`, relative. Objective infinite when theta
/// lies outside the law.
Descent descend(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta,
                std::vector<double> theta, int iterations, double tolerance);

/// Newton's steps, each shorter than the one before, as long as the objective does not rise by more than
/// its rounding: to the digits that the gradient knows and the objective does not. Returns `end` where the data leave a
/// direction open, and where the law is too bent for such steps.
Descent refine(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta, Descent end);

/// Polishes all parameters jointly on the exact objective with Ceres and refines the end. Never returns worse than it
/// was given, but for the rounding of the objective.
struct Polish {
  Descent end;
  std::string stop;  ///< why it ended
};
Polish polish(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta, const Descent& start);

}  // namespace vernier::fit
