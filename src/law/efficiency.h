// Training in low precision: other forms of f = N_eff/N (LAWS.md, sections 2.1 to 2.3).
#pragma once

#include "law/terms.h"

namespace vernier::law {

/// A free power in place of Kumar's cube (LAWS.md, section 2.1):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = (1 - e^(-P/gamma))^k
struct PowerEff : ScalesParameters<PowerEff> {
  static constexpr std::string_view name = "power_eff";
  static constexpr std::array symbols{kE,
                                      kA,
                                      kB,
                                      kAlpha,
                                      kBeta,
                                      gamma_symbol("gamma", ActsOn::Rounded),
                                      Symbol{"k", "1", 0.1, 30, 1, 10, Scale::Log, ActsOn::Rounded}};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return per_stated_part(1, run) * theta[6] * log_factors_alike(run, theta[5], Scalar(0.0));
  }
};

/// One efficiency per precision, the least assuming form (QuEST, arXiv 2502.05003, section 4.3):
///
///   L = E + A (N eff)^-alpha + B D^-beta,   eff = 1 for the baseline
///
/// `eff` here is that of the run's own precision.
struct FreeEff : ScalesParameters<FreeEff> {
  static constexpr std::string_view name = "free_eff";
  static constexpr std::array symbols{
      kE, kA, kB, kAlpha, kBeta, Symbol{"eff", "1", 1e-6, 1.2, 0.02, 1, Scale::Log, ActsOn::Rounded, Per::Precision}};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 6>& theta, const RunPoint&) {
    using std::log;
    return log(theta[5]);
  }
};

/// Capacity from the error that a format makes on normally distributed numbers (arXiv 2506.01863):
///
///   L = E + A (N rho)^-alpha + B D^-beta,   rho = K1 tanh(F R)^K,   R = -ln(GMSE)/ln 4
///
/// R is the number of bits that an ideal code would need for that error [bits]. Parts that differ multiply their
/// tanh(F R_x)^K, see per_stated_part(). K1 below 1 is for estimators that are biased at high precision.
struct Gmse : ScalesParameters<Gmse> {
  static constexpr std::string_view name = "gmse";
  static constexpr std::array symbols{kE,
                                      kA,
                                      kB,
                                      kAlpha,
                                      kBeta,
                                      Symbol{"F", "1/bits", 0.01, 10, 0.2, 1, Scale::Log, ActsOn::Rounded},
                                      Symbol{"K", "1", 0.1, 20, 1, 5, Scale::Log, ActsOn::Rounded},
                                      Symbol{"K1", "1", 1e-6, 1.2, 0.5, 1, Scale::Log, ActsOn::Rounded, Per::All, 1.0}};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 8>& theta, const RunPoint& run) {
    using std::log;
    const auto& [E, A, B, alpha, beta, F, K, K1] = theta;
    const Scalar parts = log_tanh(F, run.weights) + log_tanh(F, run.activations) + log_tanh(F, run.kv);
    return (is_rounded(run) ? log(K1) : Scalar(0.0)) + per_stated_part(1, run) * K * parts;
  }

 private:
  /// ln tanh(F R) of one part; 0 where it is not rounded.
  template <class Scalar>
  static Scalar log_tanh(const Scalar& F, const Part& part) {
    using std::log, std::tanh;
    if (!part.rounded) return Scalar(0.0);
    return log(tanh(F * (-std::log(part.gaussian_error) / std::log(4.0))));
  }
};

}  // namespace vernier::law
