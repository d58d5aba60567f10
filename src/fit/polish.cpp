#include <ceres/ceres.h>

#include <cmath>

#include "fit/solver.h"

namespace vernier::fit {
namespace {

/// Ceres stops on absolute changes too; with the objective in these units its tolerances are out of the way.
constexpr double kMagnify = 100;  // of residuals, so 1e4 of the objective

/// 100 times the residual of one run, by the variables of the fit.
class LogResidual final : public ceres::CostFunction {
 public:
  LogResidual(const Problem& problem, const Freedom& freedom, const std::vector<double>& theta, int row)
      : problem_(problem), freedom_(freedom), theta_(theta), row_(row) {
    set_num_residuals(1);
    mutable_parameter_block_sizes()->push_back(int(freedom.size()));
  }

  bool Evaluate(double const* const* variables, double* residuals, double** jacobians) const override {
    std::vector<double> theta = theta_;
    for (std::size_t g = 0; g < theta.size(); ++g)
      if (freedom_.variable[g] >= 0) theta[g] = variables[0][freedom_.variable[g]];
    std::vector<double> derivatives(problem_.locals());
    double predicted = 0;
    problem_.derivatives(theta, std::span(&row_, 1), &predicted, derivatives.data());
    if (!problem_.is_valid(predicted)) return false;
    residuals[0] = kMagnify * problem_.residual_of(predicted, problem_.points()[std::size_t(row_)].loss);
    const double slope = problem_.slope_at(predicted);
    if (jacobians == nullptr || jacobians[0] == nullptr) return true;
    std::fill_n(jacobians[0], freedom_.size(), 0.0);
    const auto local = problem_.local_of(std::size_t(row_));
    for (std::size_t k = 0; k < local.size(); ++k) {
      const int u = local[k] < 0 ? -1 : freedom_.variable[std::size_t(local[k])];
      if (u >= 0) jacobians[0][u] += kMagnify * slope * derivatives[k];
    }
    return true;
  }

 private:
  const Problem& problem_;
  const Freedom& freedom_;
  const std::vector<double>& theta_;
  int row_;
};

ceres::Solver::Options options() {
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.max_num_iterations = 500;
  options.function_tolerance = 1e-13;
  options.gradient_tolerance = 1e-13;
  options.parameter_tolerance = 1e-13;
  options.logging_type = ceres::SILENT;
  options.num_threads = 1;  // sums in one order, whatever the machine
  return options;
}

}  // namespace

Polish polish(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta,
              const Descent& start) {
  std::vector<double> variables(freedom.size());
  for (std::size_t u = 0; u < variables.size(); ++u) variables[u] = start.theta[std::size_t(freedom.parameter[u])];
  if (variables.empty()) return {start, "nothing to fit"};
  ceres::Problem exact;
  exact.AddParameterBlock(variables.data(), int(variables.size()));
  for (std::size_t u = 0; u < variables.size(); ++u) {
    exact.SetParameterLowerBound(variables.data(), int(u), freedom.lower[u]);
    exact.SetParameterUpperBound(variables.data(), int(u), freedom.upper[u]);
  }
  for (std::size_t i = 0; i < sample.rows.size(); ++i)
    exact.AddResidualBlock(
        new LogResidual(problem, freedom, start.theta, sample.rows[i]),
        new ceres::ScaledLoss(new ceres::HuberLoss(kMagnify * delta), sample.weights[i], ceres::TAKE_OWNERSHIP),
        variables.data());
  ceres::Solver::Summary summary;
  ceres::Solve(options(), &exact, &summary);
  Polish result{start, summary.message};
  std::vector<double> theta = start.theta;
  for (std::size_t g = 0; g < theta.size(); ++g)
    if (freedom.variable[g] >= 0) theta[g] = variables[std::size_t(freedom.variable[g])];
  const double value = objective_of(problem, sample, delta, theta);
  if (value < start.objective) result.end = {std::move(theta), value};
  result.end = refine(problem, freedom, sample, delta, std::move(result.end));
  return result;
}

}  // namespace vernier::fit
