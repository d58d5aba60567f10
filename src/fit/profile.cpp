#include "fit/profile.h"

#include <algorithm>
#include <cmath>

namespace vernier::fit {
namespace {

constexpr double kHalfChiSquare = 2.705543454095404 / 2;  // of one degree of freedom, at 90 %
constexpr double kFirstStep = 0.02;                       // of the parameter, or of its logarithm
constexpr int kDoublings = 14, kHalvings = 12, kIterations = 40;
constexpr double kTolerance = 1e-6;

/// Without `variable`, which keeps the value that theta has.
Freedom without(const Freedom& freedom, std::size_t variable) {
  Freedom rest;
  rest.variable = freedom.variable;
  for (int& v : rest.variable) v = v == int(variable) ? -1 : v - int(v > int(variable));
  for (std::size_t u = 0; u < freedom.size(); ++u) {
    if (u == variable) continue;
    rest.parameter.push_back(freedom.parameter[u]);
    rest.lower.push_back(freedom.lower[u]);
    rest.upper.push_back(freedom.upper[u]);
  }
  return rest;
}

/// Walks away from the optimum on one side.
class Walk {
 public:
  Walk(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta, std::size_t variable)
      : problem_(problem),
        freedom_(freedom),
        rest_(without(freedom, variable)),
        sample_(sample),
        delta_(delta),
        variable_(variable) {
    const auto& symbol = problem.parameters()[std::size_t(freedom.parameter[variable])].symbol;
    by_log_ = symbol.scale == law::Scale::Log;
  }

  /// Where the profile has risen to `level`; absent where it has not at the end of the range.
  std::optional<double> crossing(const Descent& best, double level, double direction) const {
    const double value = best.theta[std::size_t(freedom_.parameter[variable_])];
    Descent near = best;
    double inner = value, step = kFirstStep;
    for (int k = 0; k < kDoublings; ++k, step *= 2) {
      const double outer = moved(value, direction * step);
      const Descent there = at(outer, near);
      if (!(there.objective < level)) return between(inner, outer, near, level);
      if (is_end(outer)) return std::nullopt;
      inner = outer;
      near = there;
    }
    return std::nullopt;
  }

 private:
  double moved(double value, double step) const {
    const double size = std::max(std::abs(value), 1e-3);
    const double there = by_log_ ? value * std::exp(step) : value + step * size;
    return std::clamp(there, freedom_.lower[variable_], freedom_.upper[variable_]);
  }
  bool is_end(double value) const { return value <= freedom_.lower[variable_] || value >= freedom_.upper[variable_]; }

  Descent at(double value, const Descent& near) const {
    std::vector<double> theta = near.theta;
    for (std::size_t g = 0; g < theta.size(); ++g)
      if (freedom_.variable[g] == int(variable_)) theta[g] = value;
    return descend(problem_, rest_, sample_, delta_, theta, kIterations, kTolerance);
  }

  double between(double inner, double outer, Descent near, double level) const {
    for (int k = 0; k < kHalvings; ++k) {
      const double middle = by_log_ ? std::sqrt(inner * outer) : (inner + outer) / 2;
      const Descent there = at(middle, near);
      if (there.objective < level) {
        inner = middle;
        near = there;
      } else {
        outer = middle;
      }
    }
    return inner;
  }

  const Problem& problem_;
  const Freedom& freedom_;
  Freedom rest_;
  const Sample& sample_;
  double delta_;
  std::size_t variable_;
  bool by_log_ = false;
};

}  // namespace

double rise_of_90(const Problem& problem, const Sample& sample, double delta, const std::vector<double>& theta,
                  std::size_t variables) {
  const std::size_t n = sample.rows.size();
  std::vector<double> predicted(n), derivatives(n * problem.locals()), sizes;
  problem.derivatives(theta, sample.rows, predicted.data(), derivatives.data());
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double size = std::abs(problem.residual_of(predicted[i], problem.points()[std::size_t(sample.rows[i])].loss));
    const double psi = sample.weights[i] * std::min(size, delta);
    squares += psi * psi;
    sizes.push_back(size);
  }
  const double spare = n > variables ? static_cast<double>(n - variables) : 1.0;
  std::nth_element(sizes.begin(), sizes.begin() + std::ptrdiff_t(n / 2), sizes.end());
  const double scale = sizes[n / 2] / 0.6744897501960817 * std::sqrt(static_cast<double>(n) / spare);
  const double inside = scale > 0 ? std::erf(delta / (scale * std::sqrt(2.0))) : 1.0;
  return kHalfChiSquare * squares / spare / std::max(inside, 1e-12);
}

Profile profile(const Problem& problem, const Freedom& freedom, const Sample& sample, double delta, const Descent& best,
                std::size_t variable, double rise) {
  const Walk walk(problem, freedom, sample, delta, variable);
  const double level = best.objective + rise;
  return {walk.crossing(best, level, -1), walk.crossing(best, level, 1)};
}

}  // namespace vernier::fit
