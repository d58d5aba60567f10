// Is a law worth more freedom? The same law on the same runs twice, once with less freedom (the null), compared by
//
//   T = n ln(Q0/Q1)          Q the summed Huber objective, n runs
//
// With normal residuals inside the parabola of the Huber function T is the likelihood ratio (twice the difference of
// log-likelihoods, the variance estimated). Outside it T has no known distribution, so it is drawn: runs made anew from
// the null, its prediction times a residual of the null, both fits again (Efron and Tibshirani, An Introduction to the
// Bootstrap, 1993, section 16).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "fit/fit.h"
#include "fit/freedom.h"

namespace vernier::fit {

/// Both settings are of the problem that `problem_of` makes, whatever the losses of the points.
struct Nested {
  std::function<std::unique_ptr<Problem>(const std::vector<law::RunPoint>&)> problem_of;
  std::function<Setting(const Problem&)> null, alternative;
};

struct NestedFit {
  std::int64_t runs = 0;
  double statistic = 0;                         ///< T >= 0
  double p = 1;                                 ///< (1 + draws with T* >= T) / (draws + 1)
  std::vector<law::RunPoint> points;            ///< that both could describe, in the order of the fit
  std::unique_ptr<Problem> problem;             ///< of these
  std::vector<double> alternative;              ///< parameters, natural units
  std::vector<std::vector<double>> replicates;  ///< of the alternative, by a bootstrap over runs
  std::vector<bool> free;  ///< parameters that no run pins down in the alternative (fit/curvature.h)
};

/// Runs are weighted as in a fit. Residuals, times the root of the weight, are drawn among runs of the same precision
/// where there are eight of them, else among all, less their mean, times sqrt(n/(n - k)) for k parameters. `draws` of
/// T*, options.bootstrap replicates of the alternative. Throws Error where there are no more runs than parameters,
/// Failure where a form has no finite optimum.
NestedFit compare(const Nested& nested, std::vector<law::RunPoint> points, const FitOptions& options,
                  std::int64_t draws);

}  // namespace vernier::fit
