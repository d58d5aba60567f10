// A law over a set of runs, as the solver sees it: N and D divided by their geometric means n0 and d0, parameters
// numbered, predictions with derivatives. One virtual call serves all runs, so the law's formula is inlined below it.
#pragma once

#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fit/summary.h"
#include "law/point.h"
#include "law/symbol.h"

namespace vernier::fit {

/// One parameter of the problem. Coefficients come first; they enter the loss linearly and are >= 0.
struct Parameter {
  std::string name;
  law::Symbol symbol;
  std::string label;  ///< of the runs that have this parameter to themselves (law::label_of), else empty
};

class Problem {
 public:
  virtual ~Problem() = default;

  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::size_t coefficients() const { return coefficients_; }
  const std::vector<law::RunPoint>& points() const { return points_; }  ///< N/n0, D/d0
  std::size_t locals() const { return locals_; }                        ///< parameters that one run depends on, at most
  law::Residual residual() const { return residual_; }
  bool looks_at_size() const { return looks_at_size_; }  ///< false for a law in which N and D do not occur
  /// Whether a prediction has a residual: ln L_hat needs L_hat > 0.
  bool is_valid(double predicted) const {
    return std::isfinite(predicted) && (predicted > 0 || residual_ == law::Residual::Difference);
  }
  double residual_of(double predicted, double observed) const {
    return residual_ == law::Residual::Log ? std::log(predicted) - std::log(observed) : predicted - observed;
  }
  /// Derivative of the residual by the prediction.
  double slope_at(double predicted) const { return residual_ == law::Residual::Log ? 1 / predicted : 1; }
  /// Index into parameters() of each local parameter of a run; -1 where the run does not depend on it.
  std::span<const int> local_of(std::size_t point) const { return {&index_[point * locals_], locals_}; }

  /// For the runs in `rows`: base[i] + sum_j c_j columns[i * coefficients + j] is the loss with coefficients c. The
  /// coefficients in theta are not used. NaN where a run lies outside the law.
  virtual void columns(std::span<const double> theta, std::span<const int> rows, double* base,
                       double* columns) const = 0;

  /// For the runs in `rows`: predicted loss, and derivatives [rows, locals] by the local parameters.
  virtual void derivatives(std::span<const double> theta, std::span<const int> rows, double* predicted,
                           double* derivatives) const = 0;

  /// Moves theta to the nearest parameters that keep what no range of one parameter can say (Law::admit).
  virtual void admit(std::vector<double>& theta) const { static_cast<void>(theta); }

  /// Parameters for N and D in place of N/n0 and D/d0.
  virtual std::vector<double> natural(const std::vector<double>& theta) const = 0;

 protected:
  std::vector<Parameter> parameters_;
  std::size_t coefficients_ = 0, locals_ = 0;
  law::Residual residual_ = law::Residual::Log;
  bool looks_at_size_ = true;
  std::vector<law::RunPoint> points_;
  std::vector<int> index_;
  double n0_ = 1, d0_ = 1;
};

/// The problem of fitting `law`. `centred` false leaves N and D as they are, for a fit in which A or B are given.
/// Throws Error for an unknown law, naming those that can be fitted.
std::unique_ptr<Problem> make_problem(std::string_view law, const std::vector<law::RunPoint>& points,
                                      bool centred = true);

}  // namespace vernier::fit
