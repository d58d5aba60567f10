#include "fit/curvature.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace vernier::fit {

namespace {

/// Derivatives of the residuals, [rows, variables].
Eigen::MatrixXd jacobian(const Problem& problem, const Freedom& freedom, const std::vector<int>& rows,
                         const std::vector<double>& theta) {
  const std::size_t n = rows.size(), locals = problem.locals();
  std::vector<double> predicted(n), derivatives(n * locals);
  problem.derivatives(theta, rows, predicted.data(), derivatives.data());
  Eigen::MatrixXd J = Eigen::MatrixXd::Zero(Eigen::Index(n), Eigen::Index(freedom.size()));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < locals; ++k)
      if (const int g = problem.local_of(std::size_t(rows[i]))[k]; g >= 0 && freedom.variable[std::size_t(g)] >= 0)
        J(Eigen::Index(i), freedom.variable[std::size_t(g)]) +=
            derivatives[i * locals + k] * problem.slope_at(predicted[i]);
  return J;
}

constexpr double kSingular = 1e-7;   ///< of the largest singular value: a direction that changes no prediction
constexpr double kTakesPart = 0.05;  ///< of a unit direction, by a variable
constexpr double kFollows = 0.3;     ///< of the effect of the variable that another makes up for

/// For each column of J those that move most when it moves and the rest follows, from (J^T J)^-1.
std::vector<std::vector<int>> followers(const Eigen::MatrixXd& J) {
  Eigen::MatrixXd scaled = J;
  for (Eigen::Index c = 0; c < J.cols(); ++c)
    if (J.col(c).norm() > 0) scaled.col(c).normalize();
  const Eigen::JacobiSVD<Eigen::MatrixXd> parts(scaled, Eigen::ComputeFullV);
  const auto& singular = parts.singularValues();
  Eigen::VectorXd weight(J.cols());
  for (Eigen::Index d = 0; d < J.cols(); ++d)
    weight(d) = std::pow(std::max(d < singular.size() ? singular(d) : 0, kSingular * singular(0)), -2);
  const Eigen::MatrixXd covariance = parts.matrixV() * weight.asDiagonal() * parts.matrixV().transpose();
  std::vector<std::vector<int>> result;
  for (Eigen::Index u = 0; u < J.cols(); ++u) {
    std::vector<int>& with = result.emplace_back();
    for (Eigen::Index h = 0; h < J.cols(); ++h)
      if (h != u && std::abs(covariance(h, u)) >= kFollows * covariance(u, u)) with.push_back(int(h));
    std::sort(with.begin(), with.end(),
              [&](int a, int b) { return std::abs(covariance(a, u)) > std::abs(covariance(b, u)); });
  }
  return result;
}

}  // namespace

Curvature curvature(const Problem& problem, const Freedom& freedom, const std::vector<int>& rows,
                    const std::vector<double>& theta) {
  const Eigen::MatrixXd J = jacobian(problem, freedom, rows, theta);
  Curvature result{std::nullopt, std::vector<bool>(freedom.size(), false), {}};
  if (freedom.size() > 0) result.with = followers(J);
  std::vector<Eigen::Index> inner;
  for (std::size_t u = 0; u < freedom.size(); ++u) {
    const double value = theta[std::size_t(freedom.parameter[u])], length = J.col(Eigen::Index(u)).norm();
    if (!(length > 0)) result.free[u] = true;
    if (value > freedom.lower[u] && value < freedom.upper[u] && length > 0) inner.push_back(Eigen::Index(u));
  }
  if (inner.empty()) return result;
  Eigen::MatrixXd scaled(J.rows(), Eigen::Index(inner.size()));
  for (std::size_t c = 0; c < inner.size(); ++c) scaled.col(Eigen::Index(c)) = J.col(inner[c]).normalized();
  const Eigen::JacobiSVD<Eigen::MatrixXd> parts(scaled, Eigen::ComputeFullV);
  const auto& singular = parts.singularValues();
  const double largest = singular(0);
  for (Eigen::Index d = 0; d < parts.matrixV().cols(); ++d) {
    if (d < singular.size() && singular(d) > kSingular * largest) continue;
    for (std::size_t c = 0; c < inner.size(); ++c)
      if (std::abs(parts.matrixV()(Eigen::Index(c), d)) > kTakesPart) result.free[std::size_t(inner[c])] = true;
  }
  if (singular.size() == parts.matrixV().cols() && singular(singular.size() - 1) > kSingular * largest)
    result.condition = std::pow(largest / singular(singular.size() - 1), 2);
  return result;
}

std::vector<double> leverages(const Problem& problem, const Freedom& freedom, const std::vector<int>& rows,
                              const std::vector<double>& theta) {
  Eigen::MatrixXd J = jacobian(problem, freedom, rows, theta);
  for (Eigen::Index c = 0; c < J.cols(); ++c)
    if (J.col(c).norm() > 0) J.col(c).normalize();
  Eigen::ColPivHouseholderQR<Eigen::MatrixXd> parts(J);
  parts.setThreshold(kSingular);
  const Eigen::MatrixXd basis =
      parts.householderQ() * Eigen::MatrixXd::Identity(J.rows(), std::min(parts.rank(), J.rows()));
  std::vector<double> result;
  for (Eigen::Index i = 0; i < basis.rows(); ++i) result.push_back(basis.row(i).squaredNorm());
  return result;
}

}  // namespace vernier::fit
