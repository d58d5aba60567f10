// Laws of N and D (LAWS.md, sections 1 and 5).
#pragma once

#include "law/terms.h"

namespace vernier::law {

/// Kaplan et al., arXiv 2001.08360, eq. 1.5:
///
///   L = [ (Nc/N)^(alpha_N/alpha_D) + Dc/D ]^alpha_D
struct Kaplan {
  static constexpr std::string_view name = "kaplan";
  static constexpr std::array symbols{
      Symbol{"alpha_N", "1", 0.001, 1, 0.03, 0.3}, Symbol{"alpha_D", "1", 0.001, 1, 0.03, 0.3},
      Symbol{"Nc", "parameters", 1e-30, kNoLimit, 1e1, 1e10}, Symbol{"Dc", "tokens", 1e-30, kNoLimit, 1e1, 1e10}};
  static constexpr std::size_t coefficients = 0;
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& theta, const RunPoint& run) {
    using std::exp, std::log;
    const auto& [alpha_N, alpha_D, Nc, Dc] = theta;
    const Scalar size = exp(alpha_N / alpha_D * (log(Nc) - std::log(run.params))), data = Dc / run.tokens;
    return exp(alpha_D * log(size + data));
  }
  static Surface surface(const Parameters<double, 4>& theta, const RunPoint&) {
    const auto& [alpha_N, alpha_D, Nc, Dc] = theta;
    return {.A = std::pow(Nc, alpha_N / alpha_D), .alpha = alpha_N / alpha_D, .B = Dc, .beta = 1, .outer = alpha_D};
  }
  static Parameters<double, 4> natural(Parameters<double, 4> theta, double n0, double d0) {
    theta[2] *= n0;
    theta[3] *= d0;
    return theta;
  }
};

/// Approach 3 of Hoffmann et al., arXiv 2203.15556:
///
///   L = E + A N^-alpha + B D^-beta
struct Chinchilla : ScalesParameters<Chinchilla> {
  static constexpr std::string_view name = "chinchilla";
  static constexpr std::array symbols{kE, kA, kB, kAlpha, kBeta};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 5>&, const RunPoint&) {
    return Scalar(0.0);
  }
};

/// An exponent around both terms, and one efficiency per format of either pass (Quartet, arXiv 2505.14669):
///
///   L = E + [ A (N effN)^-alpha + B (D effD)^-beta ]^outer
///
/// effN is that of the run's forward pass, effD that of its backward pass; 1 where nothing is rounded there.
struct ChinchillaOuter {
  static constexpr std::string_view name = "chinchilla_outer";
  static constexpr bool speaks_of_unrounded = true;  ///< unlike a precision law, of which nothing would be left
  static constexpr std::array symbols{
      kE,
      Symbol{"A", "nats^(1/outer) x parameters^alpha", 1e-30, kNoLimit, 0.05, 50},
      Symbol{"B", "nats^(1/outer) x tokens^beta", 1e-30, kNoLimit, 0.05, 50},
      kAlpha,
      kBeta,
      Symbol{"outer", "1", 0.05, 2, 0.2, 1},
      Symbol{"effN", "1", 1e-6, 1.2, 0.2, 1, Scale::Log, ActsOn::RoundedForward, Per::Forward},
      Symbol{"effD", "1", 1e-6, 1.2, 0.2, 1, Scale::Log, ActsOn::RoundedBackward, Per::Backward}};
  static constexpr std::size_t coefficients = 1;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 8>& theta, const RunPoint&) {
    using std::log;
    return log(theta[6]);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 8>& theta, const RunPoint& run) {
    using std::exp, std::log;
    const auto& [E, A, B, alpha, beta, outer, effN, effD] = theta;
    const Scalar size = A * exp(-alpha * (log(effN) + std::log(run.params)));
    const Scalar data = B * exp(-beta * (log(effD) + std::log(run.tokens)));
    return E + exp(outer * log(size + data));
  }
  static Surface surface(const Parameters<double, 8>& theta, const RunPoint&) {
    const auto& [E, A, B, alpha, beta, outer, effN, effD] = theta;
    return {.E = E, .A = A, .alpha = alpha, .B = B, .beta = beta, .share_n = effN, .share_d = effD, .outer = outer};
  }
  static Parameters<double, 8> natural(Parameters<double, 8> theta, double n0, double d0) {
    theta[1] *= std::pow(n0, theta[3]);
    theta[2] *= std::pow(d0, theta[4]);
    return theta;
  }
};

/// Over-training at constant compute (Gadre et al., arXiv 2403.08540, eq. 4):
///
///   L = E + (a M^eta + b M^-eta) C^-eta,   C = 6 N D,  M = D/N,   that is  E + 6^-eta (a N^(-2 eta) + b D^(-2 eta))
struct Gadre {
  static constexpr std::string_view name = "gadre";
  static constexpr std::array symbols{kE, Symbol{"a", "nats x FLOP^eta", 0, kNoLimit, 0.05, 5, Scale::Linear},
                                      Symbol{"b", "nats x FLOP^eta", 0, kNoLimit, 0.05, 5, Scale::Linear},
                                      Symbol{"eta", "1", 0.005, 1, 0.05, 0.4}};
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
  static Surface surface(const Parameters<double, 4>& theta, const RunPoint&) {
    const auto& [E, a, b, eta] = theta;
    const double six = std::pow(6.0, -eta);
    return {.E = E, .A = a * six, .alpha = 2 * eta, .B = b * six, .beta = 2 * eta};
  }
  static Parameters<double, 4> natural(Parameters<double, 4> theta, double n0, double d0) {
    theta[1] *= std::pow(n0, 2 * theta[3]);
    theta[2] *= std::pow(d0, 2 * theta[3]);
    return theta;
  }
};

}  // namespace vernier::law
