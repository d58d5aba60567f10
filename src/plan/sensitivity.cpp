#include "plan/sensitivity.h"

#include <Eigen/SVD>
#include <cmath>

namespace vernier::plan {

namespace {

constexpr double kSingular = 1e-7;  // a direction this much weaker than the strongest is one the runs do not see
constexpr double kFree = 1e-6;      // what has more than this share in such directions is free
constexpr double kStep = 1e-4;      // of a coordinate in differences

/// Assumed values for N and D as they are: those of a fit, else of the table at the centre of `anchor`.
std::vector<double> natural_values(const std::string& law, const fit::Problem& problem,
                                   const std::vector<law::RunPoint>& points, const std::vector<law::RunPoint>& anchor,
                                   const Assumed& assumed) {
  const auto centred = fit::make_problem(law, anchor);
  std::vector<double> there;
  for (const auto& parameter : centred->parameters()) there.push_back(assumed_value(law, parameter, anchor, assumed));
  there = centred->natural(there);
  std::vector<double> values;
  for (const auto& parameter : problem.parameters()) {
    values.push_back(assumed_value(law, parameter, points, assumed));  // of one that acts on no run of the anchor
    for (std::size_t k = 0; k < there.size(); ++k)
      if (const auto& same = centred->parameters()[k];
          same.symbol.name == parameter.symbol.name && same.label == parameter.label)
        values.back() = there[k];
    values.back() = fitted_value(law, parameter, assumed).value_or(values.back());
  }
  return values;
}

/// Where N and D are scaled each parameter is scaled by a factor that depends on exponents alone, and these stay.
std::vector<double> scaled(const fit::Problem& problem, const std::vector<double>& natural) {
  const auto twice = problem.natural(natural);
  std::vector<double> theta = natural;
  for (std::size_t p = 0; p < theta.size(); ++p)
    if (twice[p] != 0) theta[p] *= natural[p] / twice[p];
  return theta;
}

/// Fixed parameters get their values, tied ones that of the first.
void apply(const fit::Setting& setting, std::vector<double>& natural) {
  for (std::size_t p = 0; p < natural.size(); ++p) {
    const int variable = setting.freedom.variable[p];
    natural[p] = variable < 0
                     ? setting.theta[p]
                     : natural[static_cast<std::size_t>(setting.freedom.parameter[static_cast<std::size_t>(variable)])];
  }
}

/// E may be 0 and the offsets below; everything else is taken by its logarithm.
bool by_logarithm(const fit::Parameter& parameter, double value) {
  return value > 0 && parameter.name != "E" && parameter.name != "eps" && parameter.symbol.lowest >= 0;
}

void differentiate(Sensitivity& at) {
  const std::size_t runs = at.problem->points().size(), locals = at.problem->locals();
  std::vector<int> rows(runs);
  for (std::size_t i = 0; i < runs; ++i) rows[i] = static_cast<int>(i);
  std::vector<double> predicted(runs), by_local(runs * locals);
  at.problem->derivatives(at.theta, rows, predicted.data(), by_local.data());
  at.outside.assign(runs, true);
  for (std::size_t i = 0; i < runs; ++i) {
    if (!at.problem->is_valid(predicted[i])) continue;
    at.outside[i] = false;
    for (std::size_t l = 0; l < locals; ++l) {
      const int p = at.problem->local_of(i)[l];
      if (p < 0 || at.coordinate[static_cast<std::size_t>(p)] < 0) continue;
      const double scale = at.log[static_cast<std::size_t>(p)] ? at.theta[static_cast<std::size_t>(p)] : 1;
      const double slope = by_local[i * locals + l] * at.problem->slope_at(predicted[i]) * scale;
      if (std::isfinite(slope)) at.J(static_cast<Eigen::Index>(i), at.coordinate[static_cast<std::size_t>(p)]) += slope;
    }
  }
}

/// The parameters, for N and D as they are, after one coordinate moved by `step`.
std::vector<double> moved(const Sensitivity& at, Eigen::Index coordinate, double step) {
  std::vector<double> theta = at.theta;
  for (std::size_t p = 0; p < theta.size(); ++p)
    if (at.coordinate[p] == coordinate) theta[p] = at.log[p] ? theta[p] * std::exp(step) : theta[p] + step;
  return at.problem->natural(theta);
}

}  // namespace

Sensitivity sensitivity_of(const std::string& law, const std::vector<law::RunPoint>& points,
                           const std::vector<law::RunPoint>& anchor, const Assumed& assumed,
                           const fit::FitOptions& options) {
  Sensitivity at;
  at.law = law;
  at.problem = fit::make_problem(law, points, !fit::fixes_scaled_parameter(law, options));
  const fit::Setting setting = fit::make_setting(law, *at.problem, options);
  at.natural = natural_values(law, *at.problem, points, anchor, assumed);
  apply(setting, at.natural);
  at.theta = scaled(*at.problem, at.natural);
  at.coordinate = setting.freedom.variable;
  for (std::size_t p = 0; p < at.theta.size(); ++p)
    at.log.push_back(by_logarithm(at.problem->parameters()[p], at.theta[p]));
  at.J = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(points.size()),
                               static_cast<Eigen::Index>(setting.freedom.size()));
  differentiate(at);
  return at;
}

Eigen::VectorXd gradient(const Sensitivity& at, const Quantity& quantity, bool log) {
  Eigen::VectorXd slopes(at.coordinates());
  const auto value = [&](Eigen::Index c, double step) {
    const double q = quantity(moved(at, c, step));
    return log ? std::log(q) : q;
  };
  for (Eigen::Index c = 0; c < slopes.size(); ++c) slopes[c] = (value(c, kStep) - value(c, -kStep)) / (2 * kStep);
  return slopes;
}

Eigen::VectorXd gradient(const Sensitivity& at, std::size_t p) {
  return gradient(
      at, [p](const auto& natural) { return natural[p]; }, at.log[p]);
}

Knowledge::Knowledge(Eigen::MatrixXd J, double noise) : length_(J.colwise().norm()), noise_(noise) {
  for (Eigen::Index c = 0; c < J.cols(); ++c)
    if (length_[c] > 0)
      J.col(c) /= length_[c];
    else
      length_[c] = 1;
  strength_ = Eigen::VectorXd::Zero(J.cols());
  V_ = Eigen::MatrixXd::Identity(J.cols(), J.cols());
  if (J.rows() == 0 || J.cols() == 0) return;
  const Eigen::JacobiSVD<Eigen::MatrixXd> split(J, Eigen::ComputeFullV);
  const Eigen::VectorXd values = split.singularValues();  // fewer than coordinates where there are fewer runs
  V_ = split.matrixV();
  for (Eigen::Index k = 0; k < values.size(); ++k)
    if (values[k] > kSingular * values[0]) strength_[k] = values[k];
}

Eigen::VectorXd Knowledge::parts(const Eigen::VectorXd& gradient) const {
  return V_.transpose() * gradient.cwiseQuotient(length_);
}

bool Knowledge::is_free(const Eigen::VectorXd& parts) const {
  double unseen = 0;
  for (Eigen::Index k = 0; k < parts.size(); ++k)
    if (!(strength_[k] > 0)) unseen += parts[k] * parts[k];
  return unseen > kFree * parts.squaredNorm();
}

std::optional<double> Knowledge::error(const Eigen::VectorXd& gradient) const {
  const Eigen::VectorXd share = parts(gradient);
  if (is_free(share)) return std::nullopt;
  double variance = 0;
  for (Eigen::Index k = 0; k < share.size(); ++k)
    if (strength_[k] > 0) variance += std::pow(share[k] / strength_[k], 2);
  return noise_ * std::sqrt(variance);
}

double Knowledge::bond(const Eigen::VectorXd& a, const Eigen::VectorXd& b) const {
  Eigen::VectorXd first = parts(a), second = parts(b);
  const bool unseen = is_free(first);
  if (unseen != is_free(second)) return 0;
  for (Eigen::Index k = 0; k < first.size(); ++k) {
    const double weight = unseen ? (strength_[k] > 0 ? 0 : 1) : (strength_[k] > 0 ? 1 / strength_[k] : 0);
    first[k] *= weight;
    second[k] *= weight;
  }
  const double product = first.norm() * second.norm();
  return product > 0 ? std::abs(first.dot(second)) / product : 0;
}

}  // namespace vernier::plan
