// What the objective says of one parameter when all others may follow it.
#pragma once

#include <optional>
#include <vector>

#include "fit/freedom.h"

namespace vernier::fit {

/// The values at which the profile crosses the 90 % level; absent on a side where it stays below up to the end of the
/// admissible range: there the data set no limit.
struct Profile {
  std::optional<double> lo, hi;
};

/// How far the objective may rise above its minimum for 90 % of one parameter.
///
/// Twice the rise is a chi-square of one degree of freedom times E[psi^2]/E[psi'], psi the derivative of the Huber
/// function (Heritier and Ronchetti, "Robust bounded-influence tests in general parametric models", JASA 1994). E[psi']
/// is the share of normal residuals inside delta, their scale from the median size, since so few residuals lie inside.
double rise_of_90(const Problem& problem, const Sample& sample, double delta, const std::vector<double>& theta,
                  std::size_t variables);

/// The profile of variable `variable` through the optimum `best`: it is held at values further and further out, all
/// others being fitted anew, until the objective has risen by `rise`.
Profile profile(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta, const Descent& best,
                std::size_t variable, double rise);

}  // namespace vernier::fit
