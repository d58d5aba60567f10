#include "fit/solver.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "fit/nnls.h"

namespace vernier::fit {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

bool is_log(const Problem& problem, int parameter) {
  return problem.parameters()[std::size_t(parameter)].symbol.scale == law::Scale::Log;
}

/// Works on one sample; keeps its arrays between calls.
class Solver {
 public:
  Solver(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta)
      : problem_(problem),
        freedom_(freedom),
        sample_(sample),
        delta_(delta),
        L_(problem.coefficients()),
        K_(problem.locals()),
        n_(sample.rows.size()) {
    base_.resize(n_);
    columns_.resize(n_ * L_);
    derivatives_.resize(n_ * K_);
    predicted_.resize(n_);
    residual_.resize(n_);
    for (const int row : sample.rows) {
      loss_.push_back(problem.points()[std::size_t(row)].loss);
      log_loss_.push_back(std::log(loss_.back()));
    }
  }

  double solve_coefficients(std::vector<double>& theta, bool warm, int iterations);
  Descent descend(std::vector<double> theta, int iterations, double tolerance);

 private:
  double residual(double prediction, std::size_t i) const {
    return problem_.residual() == law::Residual::Log ? std::log(prediction) - log_loss_[i] : prediction - loss_[i];
  }
  double predict(const std::vector<double>& theta, std::size_t i) const {
    double sum = base_[i];
    for (std::size_t j = 0; j < L_; ++j) sum += theta[j] * columns_[i * L_ + j];
    return sum;
  }
  double objective(const std::vector<double>& theta);
  bool moves(std::size_t coefficient) const { return freedom_.variable[coefficient] >= 0; }
  void least_squares(std::vector<double>& theta, bool weigh_by_residual) const;

  bool expand(const std::vector<double>& theta);
  double step_scale(const std::vector<double>& theta, std::size_t variable) const;
  std::vector<bool> held_at_bound(const std::vector<double>& theta) const;
  Vector step(double share_outside, double damping, const std::vector<bool>& held) const;
  std::vector<double> moved(const std::vector<double>& theta, const Vector& du) const;
  bool try_steps(std::vector<double>& theta, double& objective);

  const Problem& problem_;
  const Freedom& freedom_;
  const Sample& sample_;
  double delta_;
  std::size_t L_, K_, n_;
  std::vector<double> base_, columns_, derivatives_, predicted_, residual_, loss_, log_loss_;
  // Gauss-Newton matrices of runs inside and outside the quadratic part of the Huber function, and the gradient.
  Matrix inside_, outside_;
  Vector gradient_;
  double caution_ = 1;
};

/// Fills predicted_ and residual_ for theta.
double Solver::objective(const std::vector<double>& theta) {
  double sum = 0;
  for (std::size_t i = 0; i < n_; ++i) {
    const double prediction = predict(theta, i);
    if (!problem_.is_valid(prediction)) return kInfinity;
    predicted_[i] = prediction;
    residual_[i] = residual(prediction, i);
    sum += sample_.weights[i] * huber(residual_[i], delta_);
  }
  return std::isfinite(sum) ? sum : kInfinity;
}

/// One round for the coefficients: residuals to first order at the prediction of the last objective(), which was for
/// this theta, or, to begin with, at the loss.
void Solver::least_squares(std::vector<double>& theta, bool weigh_by_residual) const {
  std::array<int, kMostCoefficients> free{};
  int count = 0;
  for (std::size_t j = 0; j < L_; ++j)
    if (moves(j)) free[std::size_t(count++)] = int(j);
  SmallMatrix H = SmallMatrix::Zero(count, count);
  SmallVector b = SmallVector::Zero(count);
  for (std::size_t i = 0; i < n_; ++i) {
    const double at = weigh_by_residual ? predicted_[i] : loss_[i];
    const double r = weigh_by_residual ? residual_[i] : 0;
    const double h = sample_.weights[i] * (std::abs(r) > delta_ ? delta_ / std::abs(r) : 1.0);
    const double slope = problem_.slope_at(at);
    double target = slope * (at - base_[i]) - r;  // wanted: sum_j c_j slope column_j
    const double* column = &columns_[i * L_];
    for (std::size_t j = 0; j < L_; ++j)
      if (!moves(j)) target -= theta[j] * slope * column[j];
    for (int p = 0; p < count; ++p) {
      const double xp = h * slope * column[free[std::size_t(p)]];
      b(p) += xp * target;
      for (int q = 0; q <= p; ++q) H(p, q) += xp * slope * column[free[std::size_t(q)]];
    }
  }
  for (int p = 0; p < count; ++p)
    for (int q = 0; q < p; ++q) H(q, p) = H(p, q);
  const SmallVector c = non_negative_minimum(H, b);
  for (int p = 0; p < count; ++p) {
    const auto j = std::size_t(free[std::size_t(p)]);
    theta[j] = std::min(c(p), freedom_.upper[std::size_t(freedom_.variable[j])]);
  }
  problem_.admit(theta);
}

/// Expects nothing of columns_; fills it. Returns the objective reached, theta holding its coefficients.
double Solver::solve_coefficients(std::vector<double>& theta, bool warm, int iterations) {
  problem_.columns(theta, sample_.rows, base_.data(), columns_.data());
  for (std::size_t i = 0; i < n_; ++i)
    if (!std::isfinite(base_[i])) return kInfinity;
  for (const double entry : columns_)
    if (!std::isfinite(entry)) return kInfinity;
  double best = warm ? objective(theta) : kInfinity;
  if (!std::isfinite(best)) {
    least_squares(theta, false);
    best = objective(theta);
    if (!std::isfinite(best)) return kInfinity;
  }
  for (int k = 0; k < iterations; ++k) {
    std::vector<double> trial = theta;
    least_squares(trial, true);
    const double value = objective(trial);
    if (!(value < best)) break;
    const bool flat = best - value <= 1e-3 * best;
    best = value;
    theta = trial;
    if (flat) break;
  }
  return best;
}

/// d theta / d variable: a variable moves on the logarithm of its parameter where the law says so.
double Solver::step_scale(const std::vector<double>& theta, std::size_t variable) const {
  const int p = freedom_.parameter[variable];
  return is_log(problem_, p) ? theta[std::size_t(p)] : 1.0;
}

/// Gradient and the two Gauss-Newton matrices at theta, in the variables.
bool Solver::expand(const std::vector<double>& theta) {
  problem_.derivatives(theta, sample_.rows, predicted_.data(), derivatives_.data());
  const auto U = Eigen::Index(freedom_.size());
  inside_ = Matrix::Zero(U, U);
  outside_ = Matrix::Zero(U, U);
  gradient_ = Vector::Zero(U);
  std::vector<double> scale(freedom_.size());
  for (std::size_t u = 0; u < scale.size(); ++u) scale[u] = step_scale(theta, u);
  std::vector<std::pair<Eigen::Index, double>> row(K_);
  for (std::size_t i = 0; i < n_; ++i) {
    const double r = residual(predicted_[i], i), slope = problem_.slope_at(predicted_[i]);
    if (!std::isfinite(r)) return false;
    const auto local = problem_.local_of(std::size_t(sample_.rows[i]));
    std::size_t count = 0;
    for (std::size_t k = 0; k < K_; ++k) {
      const int u = local[k] < 0 ? -1 : freedom_.variable[std::size_t(local[k])];
      if (u >= 0) row[count++] = {u, derivatives_[i * K_ + k] * slope * scale[std::size_t(u)]};
    }
    const bool far = std::abs(r) > delta_;
    const double w = sample_.weights[i], h = far ? w * delta_ / std::abs(r) : w;
    Matrix& H = far ? outside_ : inside_;
    for (std::size_t p = 0; p < count; ++p) {
      gradient_(row[p].first) += h * r * row[p].second;
      for (std::size_t q = 0; q < count; ++q) H(row[p].first, row[q].first) += h * row[p].second * row[q].second;
    }
  }
  return true;
}

std::vector<bool> Solver::held_at_bound(const std::vector<double>& theta) const {
  std::vector<bool> held(freedom_.size());
  for (std::size_t u = 0; u < held.size(); ++u) {
    const double value = theta[std::size_t(freedom_.parameter[u])], slope = gradient_(Eigen::Index(u));
    held[u] = (value <= freedom_.lower[u] && slope > 0) || (value >= freedom_.upper[u] && slope < 0);
  }
  return held;
}

Vector Solver::step(double share_outside, double damping, const std::vector<bool>& held) const {
  const Eigen::Index U = gradient_.size();
  Matrix H = inside_ + share_outside * outside_;
  Vector g = -gradient_;
  for (Eigen::Index u = 0; u < U; ++u) {
    if (held[std::size_t(u)]) {
      H.row(u).setZero();
      H.col(u).setZero();
      H(u, u) = 1;
      g(u) = 0;
    }
  }
  Vector scale(U);  // unit diagonal of the full matrix, so that damping does not depend on units
  for (Eigen::Index u = 0; u < U; ++u) {
    const double full = held[std::size_t(u)] ? 1.0 : inside_(u, u) + outside_(u, u);
    scale(u) = full > 0 ? 1 / std::sqrt(full) : 1.0;
  }
  H = scale.asDiagonal() * H * scale.asDiagonal();
  H.diagonal().array() += 1e-12 + damping;
  return scale.cwiseProduct(H.ldlt().solve(scale.cwiseProduct(g)));
}

std::vector<double> Solver::moved(const std::vector<double>& theta, const Vector& du) const {
  std::vector<double> next = theta;
  for (std::size_t g = 0; g < next.size(); ++g) {
    const int u = freedom_.variable[g];
    if (u < 0) continue;
    double d = du(u);
    if (g >= L_) d = std::clamp(d, -1.0, 1.0);
    const double value = is_log(problem_, int(g)) ? theta[g] * std::exp(d) : theta[g] + d;
    next[g] = std::clamp(value, freedom_.lower[std::size_t(u)], freedom_.upper[std::size_t(u)]);
  }
  problem_.admit(next);
  return next;
}

/// Trials from bold to cautious. Caution 1 counts runs outside the quadratic part by delta/|r|, which never overshoots
/// a linear model but creeps; less counts them less, as Newton's method would; more adds Levenberg-Marquardt damping.
bool Solver::try_steps(std::vector<double>& theta, double& objective) {
  const auto held = held_at_bound(theta);
  for (int k = 0; k < 14; ++k) {
    const double over = std::max(0.0, caution_ - 1);
    const Vector du = step(std::min(1.0, caution_), 1e-4 * over * over, held);
    if (du.allFinite()) {
      std::vector<double> trial = moved(theta, du);
      const double value = solve_coefficients(trial, true, 2);
      if (value < objective) {
        theta = std::move(trial);
        objective = value;
        caution_ = std::max(caution_ * (k == 0 ? 0.4 : 1.0), 1e-3);
        return true;
      }
    }
    caution_ = caution_ < 1 ? 1 : caution_ * 4;
  }
  return false;
}

Descent Solver::descend(std::vector<double> theta, int iterations, double tolerance) {
  double value = solve_coefficients(theta, false, 10);
  int flat = 0;
  caution_ = 1;
  for (int k = 0; k < iterations && std::isfinite(value) && flat < 2; ++k) {
    const double before = value;
    if (!expand(theta)) break;
    if (!try_steps(theta, value)) break;
    flat = before - value <= tolerance * before ? flat + 1 : 0;
  }
  return {std::move(theta), value};
}

}  // namespace

double objective_of(const Problem& problem, const Sample& sample, double delta, std::span<const double> theta) {
  std::vector<double> predicted(sample.rows.size()), derivatives(sample.rows.size() * problem.locals());
  problem.derivatives(theta, sample.rows, predicted.data(), derivatives.data());
  double sum = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const double loss = problem.points()[std::size_t(sample.rows[i])].loss;
    if (!problem.is_valid(predicted[i])) return kInfinity;
    sum += sample.weights[i] * huber(problem.residual_of(predicted[i], loss), delta);
  }
  return std::isfinite(sum) ? sum : kInfinity;
}

Descent project(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta,
                std::vector<double> theta, bool warm, int iterations) {
  const double value = Solver(problem, freedom, sample, delta).solve_coefficients(theta, warm, iterations);
  return {std::move(theta), value};
}

Descent descend(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta,
                std::vector<double> theta, int iterations, double tolerance) {
  return Solver(problem, freedom, sample, delta).descend(std::move(theta), iterations, tolerance);
}

}  // namespace vernier::fit
