// What a grid will be able to identify, before anything is trained. At an assumed law and noise the covariance of a
// least-squares fit of log losses is
//
//   Cov = sigma^2 (J^T J)^-1,   J_ij = d ln L_i / d theta_j
//
// (the inverse Fisher information for independent normal errors of ln L; Seber and Wild, "Nonlinear Regression",
// section 2.1), with derivatives by automatic differentiation of the law itself. Positive parameters are taken by their
// logarithm.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "law/point.h"
#include "plan/experiment.h"
#include "record/run_spec.h"

namespace vernier::plan {

/// The law that is assumed, so that it fits any scale: at the geometric means of N and D the terms of size and data are
/// `reducible` each. Rounding follows f = 1 - e^(-P/gamma) in every part.
struct Assumed {
  double noise = 0.005;     ///< standard deviation of ln L from seed to seed
  double floor = 1.5;       ///< E [nats per token]
  double reducible = 0.25;  ///< A N0^-alpha and B D0^-beta [nats per token]
  double exponent = 0.4;    ///< alpha and beta
  double gamma = 2.0;       ///< [bits]
};

/// The usual assumptions, with the floor that the corpus knows, where it does.
Assumed assumed_for(const Experiment& experiment);

struct Expected {
  std::string law, parameter;
  double value = 0;              ///< assumed
  std::optional<double> lo, hi;  ///< expected 90 % interval; absent where the runs leave the parameter free
  bool identified = false;
};

/// Expected intervals of the parameters of `laws` from these points. A parameter is
/// identified when the runs determine it and its interval is no wider than half of the value (than 1 for offsets, which
/// may be 0), the rule of fit/bootstrap.h. Parameters that act on no run are left out, as in a fit. Throws Error for a
/// law that is not known.
std::vector<Expected> identifies(const std::vector<std::string>& laws, const std::vector<law::RunPoint>& points,
                                 const Assumed& assumed);

/// Runs that do not exist yet as points of a law; their losses are not known.
std::vector<law::RunPoint> points_of(const std::vector<RunSpec>& runs);

/// Names of the laws of law/laws.h.
std::vector<std::string> law_names();

}  // namespace vernier::plan
