// Training in low precision after Kumar et al., arXiv 2411.04330: a factor 1 - e^(-P/gamma + n) of N for each part
// (LAWS.md, section 2.1). The paper prints the factors without n; they were fitted with it (appendix K).
#pragma once

#include "law/terms.h"

namespace vernier::law {

/// Weights rounded in training (eq. 3):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = 1 - e^(-P_w/gamma_w + n_w)
struct KumarWeights : ScalesParameters<KumarWeights> {
  static constexpr std::string_view name = "kumar_weights";
  static constexpr std::array symbols{kE,
                                      kA,
                                      kB,
                                      kAlpha,
                                      kBeta,
                                      gamma_symbol("gamma_w", ActsOn::RoundedWeights),
                                      offset_symbol("n_w", ActsOn::RoundedWeights)};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return log_factor(run.weights, theta[5], theta[6]);
  }
};

/// Several parts rounded in training (section 4):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = f_w(P_w) f_a(P_a) f_kv(P_kv),   f_x(P) = 1 - e^(-P/gamma_x + n_x)
struct KumarJoint : ScalesParameters<KumarJoint> {
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
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 11>& theta, const RunPoint& run) {
    return log_factors_each(theta, run);
  }
};

/// One constant for all parts (section 6.1, there with n = 0):
///
///   L = E + A (N f)^-alpha + B D^-beta,   f = (1 - e^(-P/gamma + n))^3
///
/// Parts that differ contribute a factor 1 - e^(-P_x/gamma + n) each, see per_stated_part().
struct KumarTied : ScalesParameters<KumarTied> {
  static constexpr std::string_view name = "kumar_tied";
  static constexpr std::array symbols{
      kE, kA, kB, kAlpha, kBeta, gamma_symbol("gamma", ActsOn::Rounded), offset_symbol("n", ActsOn::Rounded)};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 7>& theta, const RunPoint& run) {
    return per_stated_part(3, run) * log_factors_alike(run, theta[5], theta[6]);
  }
};

}  // namespace vernier::law
