// The last digits of an optimum. Near it the objective changes by less than its own rounding, so that a method which
// compares objectives stops about half of the digits short; its gradient is still exact there.
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "fit/solver.h"

namespace vernier::fit {
namespace {

constexpr double kRounding = 1e-11;  // of the objective, relative: a step may seem to lose so much
constexpr double kSingular = 1e-9;   // of the largest pivot, columns scaled to unit length
constexpr double kShrinks = 0.8;     // of the gain of the step before: what does not shrink any more is rounding

/// Residuals to first order: J of the runs inside the quadratic part of the Huber function, the gradient of all.
struct Expansion {
  Eigen::MatrixXd inside;
  Eigen::VectorXd gradient;
};

Expansion expand(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta,
                 const std::vector<double>& theta) {
  const std::size_t n = sample.rows.size(), locals = problem.locals();
  std::vector<double> predicted(n), derivatives(n * locals);
  problem.derivatives(theta, sample.rows, predicted.data(), derivatives.data());
  const auto U = Eigen::Index(freedom.size());
  Expansion at{Eigen::MatrixXd::Zero(Eigen::Index(n), U), Eigen::VectorXd::Zero(U)};
  for (std::size_t i = 0; i < n; ++i) {
    const auto point = std::size_t(sample.rows[i]);
    const double r = problem.residual_of(predicted[i], problem.points()[point].loss), w = sample.weights[i];
    const double slope = problem.slope_at(predicted[i]);
    const auto local = problem.local_of(point);
    for (std::size_t k = 0; k < locals; ++k) {
      const int u = local[k] < 0 ? -1 : freedom.variable[std::size_t(local[k])];
      if (u < 0) continue;
      const double entry = slope * derivatives[i * locals + k];
      at.gradient(u) += w * std::clamp(r, -delta, delta) * entry;
      if (std::abs(r) <= delta) at.inside(Eigen::Index(i), u) += std::sqrt(w) * entry;
    }
  }
  return at;
}

/// Leaves variables that lie at a bound, and would leave the admissible range, where they are.
void hold_at_bounds(Expansion& at, const Freedom& freedom, const std::vector<double>& theta) {
  for (std::size_t u = 0; u < freedom.size(); ++u) {
    const double value = theta[std::size_t(freedom.parameter[u])], slope = at.gradient(Eigen::Index(u));
    if ((value > freedom.lower[u] || slope < 0) && (value < freedom.upper[u] || slope > 0)) continue;
    at.inside.col(Eigen::Index(u)).setZero();
    at.gradient(Eigen::Index(u)) = 0;
  }
}

struct Step {
  Eigen::VectorXd change;  ///< of the variables; empty where they are not determined
  double gain = 0;         ///< twice what it takes from the objective
};

/// Newton's step without the second derivatives of the law: - (J^T J)^-1 gradient, by QR of J.
Step newton(const Expansion& at) {
  std::vector<Eigen::Index> moves;
  for (Eigen::Index u = 0; u < at.inside.cols(); ++u)
    if (at.inside.col(u).squaredNorm() > 0)
      moves.push_back(u);
    else if (at.gradient(u) != 0)
      return {};
  if (moves.empty() || at.inside.rows() < Eigen::Index(moves.size())) return {};
  const Eigen::VectorXd length = at.inside(Eigen::all, moves).colwise().norm();
  const Eigen::MatrixXd scaled = at.inside(Eigen::all, moves) * length.cwiseInverse().asDiagonal();
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(scaled);
  const auto M = Eigen::Index(moves.size());
  const Eigen::MatrixXd R = qr.matrixR().topRows(M);
  if (!(std::abs(R(M - 1, M - 1)) > kSingular * std::abs(R(0, 0)))) return {};
  const Eigen::VectorXd slope = qr.colsPermutation().transpose() * at.gradient(moves).cwiseQuotient(length);
  const Eigen::VectorXd half = R.triangularView<Eigen::Upper>().transpose().solve(slope);
  const Eigen::VectorXd whole = qr.colsPermutation() * R.triangularView<Eigen::Upper>().solve(half);
  Step step{Eigen::VectorXd::Zero(at.inside.cols()), half.squaredNorm()};
  step.change(moves) = -whole.cwiseQuotient(length);
  return step;
}

std::vector<double> moved(std::vector<double> theta, const Freedom& freedom, const Eigen::VectorXd& change) {
  for (std::size_t g = 0; g < theta.size(); ++g)
    if (const int u = freedom.variable[g]; u >= 0)
      theta[g] = std::clamp(theta[g] + change(u), freedom.lower[std::size_t(u)], freedom.upper[std::size_t(u)]);
  return theta;
}

}  // namespace

Descent refine(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta, Descent end) {
  constexpr int kSteps = 60;
  double last_gain = std::numeric_limits<double>::infinity();
  for (int k = 0; k < kSteps; ++k) {
    Expansion at = expand(problem, freedom, sample, delta, end.theta);
    hold_at_bounds(at, freedom, end.theta);
    const Step step = newton(at);
    if (step.change.size() == 0 || !step.change.allFinite() || !(step.gain < kShrinks * last_gain)) break;
    auto theta = moved(end.theta, freedom, step.change);
    const double value = objective_of(problem, sample, delta, theta);
    if (!(value <= end.objective * (1 + kRounding))) break;
    end = {std::move(theta), value};
    last_gain = step.gain;
  }
  return end;
}

}  // namespace vernier::fit
