// How the losses of runs move with the parameters of a law, at assumed values, and what that says before anything is
// trained. At a noise sigma of ln L the covariance of a least-squares fit of log losses is
//
//   Cov = sigma^2 (J^T J)^-1,   J_ij = d ln L_i / d theta_j
//
// (the inverse Fisher information for independent normal errors of ln L; Seber and Wild, "Nonlinear Regression",
// section 2.1), with derivatives by automatic differentiation of the law itself. A fit with a Huber delta far below
// sigma is that of least absolute deviations, whose intervals are wider by up to sqrt(pi/2).
#pragma once

#include <Eigen/Core>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fit/freedom.h"
#include "fit/problem.h"
#include "plan/assumed.h"

namespace vernier::plan {

/// A law at assumed values over some points. A *coordinate* is what a fit may move: the logarithm of a parameter that
/// is positive, else the parameter, with N and D divided by geometric means; parameters that are fixed have none, tied
/// ones share one.
struct Sensitivity {
  std::string law;
  std::shared_ptr<const fit::Problem> problem;
  std::vector<double> theta;    ///< assumed, as the problem takes them
  std::vector<double> natural;  ///< the same for N and D as they are
  std::vector<int> coordinate;  ///< of each parameter; -1 where it is fixed
  std::vector<bool> log;        ///< of each parameter: taken by its logarithm
  Eigen::MatrixXd J;            ///< d ln L / d coordinate [points, coordinates]; a row of zeros outside the law
  std::vector<bool> outside;    ///< of each point

  Eigen::Index coordinates() const { return J.cols(); }
};

/// A number that follows from the parameters of a law (for N and D as they are).
using Quantity = std::function<double(const std::vector<double>& natural)>;

/// The law over `points`, which are all of its target; the assumptions are made at the centre of `anchor`, points of
/// the same kind. Throws Error where `options` fix or tie what cannot be.
Sensitivity sensitivity_of(const std::string& law, const std::vector<law::RunPoint>& points,
                           const std::vector<law::RunPoint>& anchor, const Assumed& assumed,
                           const fit::FitOptions& options);

/// Derivatives of a quantity by the coordinates, by central differences; those of its logarithm where `log`.
Eigen::VectorXd gradient(const Sensitivity& at, const Quantity& quantity, bool log);

/// The same for parameter p.
Eigen::VectorXd gradient(const Sensitivity& at, std::size_t p);

/// What runs say about directions in the space of coordinates. `J` [runs, coordinates].
class Knowledge {
 public:
  Knowledge(Eigen::MatrixXd J, double noise);

  /// Standard error of what has this gradient; absent where the runs leave it free.
  std::optional<double> error(const Eigen::VectorXd& gradient) const;

  /// How strictly the runs force two quantities to move together, from 0 to 1: along the directions that they do not
  /// see where both take part in these, else by the correlation of their errors.
  double bond(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const;

 private:
  Eigen::VectorXd parts(const Eigen::VectorXd& gradient) const;
  bool is_free(const Eigen::VectorXd& parts) const;

  Eigen::VectorXd length_;    ///< of the columns of J
  Eigen::MatrixXd V_;         ///< right singular vectors of J with columns of unit length
  Eigen::VectorXd strength_;  ///< singular values, 0 for directions that the runs do not see
  double noise_;
};

}  // namespace vernier::plan
