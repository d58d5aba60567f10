// Terms that several laws share.
#pragma once

#include <array>
#include <cmath>
#include <limits>

#include "law/point.h"
#include "law/surface.h"
#include "law/symbol.h"

namespace vernier::law {

template <class Scalar, std::size_t size>
using Parameters = std::array<Scalar, size>;

/// E + A N_eff^-alpha + B D^-beta with ln N_eff = ln N + log_share [nats per token].
template <class Scalar>
Scalar base_loss(const Scalar& E, const Scalar& A, const Scalar& B, const Scalar& alpha, const Scalar& beta,
                 const Scalar& log_share, const RunPoint& run) {
  using std::exp, std::log;
  return E + A * exp(-alpha * (log_share + log(run.params))) + B * exp(-beta * log(run.tokens));
}

/// ln f_x of one part, f_x(P) = 1 - e^(-P/gamma + n); 0 where the part is not rounded, NaN where f_x <= 0.
template <class Scalar>
Scalar log_factor(const Part& part, const Scalar& gamma, const Scalar& n) {
  using std::exp, std::log;
  if (!part.rounded) return Scalar(0.0);
  const Scalar factor = 1.0 - exp(n - part.bits / gamma);
  if (!(factor > 0.0)) return Scalar(std::numeric_limits<double>::quiet_NaN());
  return log(factor);
}

/// ln(f_w f_a f_kv), gamma and n of weights, activations, keys and values being parameters 5 to 10.
template <class Scalar, std::size_t K>
Scalar log_factors_each(const Parameters<Scalar, K>& theta, const RunPoint& run) {
  return log_factor(run.weights, theta[5], theta[6]) + log_factor(run.activations, theta[7], theta[8]) +
         log_factor(run.kv, theta[9], theta[10]);
}

/// The share of each stated part when `whole` is shared among weights, activations, keys and values: data that state
/// one or two parts are taken to have the others alike.
inline double per_stated_part(double whole, const RunPoint& run) {
  const int stated = int(run.weights.stated) + int(run.activations.stated) + int(run.kv.stated);
  return whole / (stated > 0 ? stated : 1);
}

/// Sum over parts of ln(1 - e^(-P_x/gamma + n)).
template <class Scalar>
Scalar log_factors_alike(const RunPoint& run, const Scalar& gamma, const Scalar& n) {
  const bool alike = run.weights.rounded && run.activations.rounded && run.weights.bits == run.activations.bits &&
                     (!run.kv.stated || (run.kv.rounded && run.kv.bits == run.weights.bits));
  if (alike) return (run.kv.stated ? 3.0 : 2.0) * log_factor(run.weights, gamma, n);
  return log_factor(run.weights, gamma, n) + log_factor(run.activations, gamma, n) + log_factor(run.kv, gamma, n);
}

/// What the laws share that multiply N by a share f(P) of it: with `log_share` = ln f given by the law,
///
///   L = E + A (N f)^-alpha + B D^-beta
///
/// and E, A, B, alpha, beta their first five symbols.
template <class Law>
struct ScalesParameters {
  static constexpr std::size_t coefficients = 3;
  template <class Scalar, std::size_t K>
  static Scalar loss(const Parameters<Scalar, K>& theta, const RunPoint& run) {
    return base_loss(theta[0], theta[1], theta[2], theta[3], theta[4], Law::log_share(theta, run), run);
  }
  template <std::size_t K>
  static Surface surface(const Parameters<double, K>& theta, const RunPoint& run) {
    const double share = std::exp(Law::log_share(theta, run));
    return {.E = theta[0], .A = theta[1], .alpha = theta[3], .B = theta[2], .beta = theta[4], .share_n = share};
  }
  template <std::size_t K>
  static Parameters<double, K> natural(Parameters<double, K> theta, double n0, double d0) {
    theta[1] *= std::pow(n0, theta[3]);
    theta[2] *= std::pow(d0, theta[4]);
    return theta;
  }
};

}  // namespace vernier::law
