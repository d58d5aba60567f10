// The laws, each one formula templated on its scalar: double gives a loss, a Jet its derivatives too. N, D, L and P are
// as in law/point.h: parameters [1], training tokens [1], nats per token, bits.
//
// A law is a struct with `name`, `symbols`, `coefficients` (so many leading symbols enter linearly and are >= 0),
// `loss(theta, run)`, `log_share(theta, run)` = ln(N_eff/N), and `natural(theta, n0, d0)`, which turns parameters
// fitted to N/n0 and D/d0 into those for N and D. Where a factor is not above zero, the run is outside the law and the
// result is NaN.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <tuple>

#include "law/point.h"
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

template <std::size_t size>
Parameters<double, size> natural_base(Parameters<double, size> theta, double n0, double d0) {
  theta[1] *= std::pow(n0, theta[3]);
  theta[2] *= std::pow(d0, theta[4]);
  return theta;
}

/// Approach 3 of Hoffmann et al., arXiv 2203.15556:
///
///   L = E + A N^-alpha + B D^-beta
struct Chinchilla {
  static constexpr std::string_view name = "chinchilla";
  static constexpr std::array symbols{kE, kA, kB, kAlpha, kBeta};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 5>&, const RunPoint&) {
    return Scalar(0.0);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 5>& theta, const RunPoint& run) {
    const auto& [E, A, B, alpha, beta] = theta;
    return base_loss(E, A, B, alpha, beta, Scalar(0.0), run);
  }
  static Parameters<double, 5> natural(const Parameters<double, 5>& theta, double n0, double d0) {
    return natural_base(theta, n0, d0);
  }
};

/// Weights rounded in training (Kumar et al., arXiv 2411.04330, eq. 3, with the offset of appendix K):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = 1 - e^(-P_w/gamma_w + n_w)
struct KumarWeights {
  static constexpr std::string_view name = "kumar_weights";
  static constexpr std::array symbols{kE,
                                      kA,
                                      kB,
                                      kAlpha,
                                      kBeta,
                                      gamma_symbol("gamma_w", ActsOn::RoundedWeights),
                                      offset_symbol("n_w", ActsOn::RoundedWeights)};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return log_factor(run.weights, theta[5], theta[6]);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    const auto& [E, A, B, alpha, beta, gamma_w, n_w] = theta;
    return base_loss(E, A, B, alpha, beta, log_share(theta, run), run);
  }
  static Parameters<double, 7> natural(const Parameters<double, 7>& theta, double n0, double d0) {
    return natural_base(theta, n0, d0);
  }
};

/// Several parts rounded in training (Kumar et al., arXiv 2411.04330, section 4, with the offsets of appendix K):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = f_w(P_w) f_a(P_a) f_kv(P_kv),   f_x(P) = 1 - e^(-P/gamma_x + n_x)
struct KumarJoint {
  static constexpr std::string_view name = "kumar_joint";
  static constexpr std::array symbols{kE,
                                      kA,
                                      kB,
                                      kAlpha,
                                      kBeta,
                                      gamma_symbol("gamma_w", ActsOn::RoundedWeights),
                                      offset_symbol("n_w", ActsOn::RoundedWeights),
                                      gamma_symbol("gamma_a", ActsOn::RoundedActivations),
                                      offset_symbol("n_a", ActsOn::RoundedActivations),
                                      gamma_symbol("gamma_kv", ActsOn::RoundedKv),
                                      offset_symbol("n_kv", ActsOn::RoundedKv)};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 11>& theta, const RunPoint& run) {
    const auto& [E, A, B, alpha, beta, gamma_w, n_w, gamma_a, n_a, gamma_kv, n_kv] = theta;
    return log_factor(run.weights, gamma_w, n_w) + log_factor(run.activations, gamma_a, n_a) +
           log_factor(run.kv, gamma_kv, n_kv);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 11>& theta, const RunPoint& run) {
    return base_loss(theta[0], theta[1], theta[2], theta[3], theta[4], log_share(theta, run), run);
  }
  static Parameters<double, 11> natural(const Parameters<double, 11>& theta, double n0, double d0) {
    return natural_base(theta, n0, d0);
  }
};

/// One constant for all parts (Kumar et al., arXiv 2411.04330, section 6.1, there with n = 0):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = (1 - e^(-P/gamma + n))^3
///
/// Parts that differ contribute a factor 1 - e^(-P_x/gamma + n) each, see per_stated_part().
struct KumarTied {
  static constexpr std::string_view name = "kumar_tied";
  static constexpr std::array symbols{
      kE, kA, kB, kAlpha, kBeta, gamma_symbol("gamma", ActsOn::Rounded), offset_symbol("n", ActsOn::Rounded)};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return per_stated_part(3, run) * log_factors_alike(run, theta[5], theta[6]);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return base_loss(theta[0], theta[1], theta[2], theta[3], theta[4], log_share(theta, run), run);
  }
  static Parameters<double, 7> natural(const Parameters<double, 7>& theta, double n0, double d0) {
    return natural_base(theta, n0, d0);
  }
};

/// A free power in place of the cube (LAWS.md, section 2.1):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = (1 - e^(-P/gamma))^k
struct PowerEff {
  static constexpr std::string_view name = "power_eff";
  static constexpr std::array symbols{kE,
                                      kA,
                                      kB,
                                      kAlpha,
                                      kBeta,
                                      gamma_symbol("gamma", ActsOn::Rounded),
                                      Symbol{"k", 0.1, 30, 1, 10, Scale::Log, ActsOn::Rounded}};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return per_stated_part(1, run) * theta[6] * log_factors_alike(run, theta[5], Scalar(0.0));
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return base_loss(theta[0], theta[1], theta[2], theta[3], theta[4], log_share(theta, run), run);
  }
  static Parameters<double, 7> natural(const Parameters<double, 7>& theta, double n0, double d0) {
    return natural_base(theta, n0, d0);
  }
};

/// One efficiency per precision, the least assuming form (QuEST, arXiv 2502.05003, section 4.3):
///
///   L = E + A (N eff)^-alpha + B D^-beta,   eff = 1 for the baseline
///
/// `eff` here is that of the run's own precision.
struct FreeEff {
  static constexpr std::string_view name = "free_eff";
  static constexpr std::array symbols{
      kE, kA, kB, kAlpha, kBeta, Symbol{"eff", 1e-6, 1.2, 0.02, 1, Scale::Log, ActsOn::Rounded, true}};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 6>& theta, const RunPoint&) {
    using std::log;
    return log(theta[5]);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 6>& theta, const RunPoint& run) {
    return base_loss(theta[0], theta[1], theta[2], theta[3], theta[4], log_share(theta, run), run);
  }
  static Parameters<double, 6> natural(const Parameters<double, 6>& theta, double n0, double d0) {
    return natural_base(theta, n0, d0);
  }
};

/// Over-training at constant compute (Gadre et al., arXiv 2403.08540, eq. 4):
///
///   L = E + (a M^eta + b M^-eta) C^-eta,   C = 6 N D,  M = D/N,   that is  E + 6^-eta (a N^(-2 eta) + b D^(-2 eta))
struct Gadre {
  static constexpr std::string_view name = "gadre";
  static constexpr std::array symbols{kE, Symbol{"a", 0, kNoLimit, 0.05, 5, Scale::Linear},
                                      Symbol{"b", 0, kNoLimit, 0.05, 5, Scale::Linear},
                                      Symbol{"eta", 0.005, 1, 0.05, 0.4}};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 4>&, const RunPoint&) {
    return Scalar(0.0);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& theta, const RunPoint& run) {
    using std::exp, std::log;
    const auto& [E, a, b, eta] = theta;
    return E + exp(-eta * std::log(6.0)) *
                   (a * exp(-2.0 * eta * std::log(run.params)) + b * exp(-2.0 * eta * std::log(run.tokens)));
  }
  static Parameters<double, 4> natural(Parameters<double, 4> theta, double n0, double d0) {
    theta[1] *= std::pow(n0, 2 * theta[3]);
    theta[2] *= std::pow(d0, 2 * theta[3]);
    return theta;
  }
};

/// All laws that can be fitted, in the order of `vernier fit --law all`.
using Laws = std::tuple<Chinchilla, Gadre, KumarWeights, KumarJoint, KumarTied, PowerEff, FreeEff>;

}  // namespace vernier::law
