// Quantization of the weights after training (LAWS.md, section 3): a penalty on top of the measured loss before it.
#pragma once

#include "law/terms.h"

namespace vernier::law {

/// C (D^gD/N^gN), the coefficient times what all three laws say of size and data.
template <class Scalar>
Scalar size_and_data_penalty(const Scalar& C, const Scalar& gD, const Scalar& gN, const Scalar& log_share,
                             const RunPoint& run) {
  using std::exp;
  return C * exp(gD * std::log(run.tokens) - gN * (log_share + std::log(run.params)));
}

inline constexpr Symbol kCT{"C_T", "nats x parameters^gN / tokens^gD", 0, kNoLimit, 0.01, 1, Scale::Linear};
inline constexpr Symbol kGD{"gD", "1", 0, 2, 0.1, 0.8, Scale::Linear}, kGN{"gN", "1", 0, 2, 0.1, 0.8, Scale::Linear};
inline constexpr Symbol kGPost{"g_post", "bits", 0.1, 10, 0.3, 2};
/// C_T and b are one coefficient, C_T e^b; b stays at 0 unless it is freed or given.
inline constexpr Symbol kOffsetPost{"b", "1", -10, 20, 0, 1, Scale::Linear, ActsOn::All, Per::All, 0.0};

constexpr Symbol rate_symbol(std::string_view name, ActsOn part) {
  return {name, "1/bits", 1e-3, 50, 0.1, 3, Scale::Log, part};
}

/// Kumar et al., arXiv 2411.04330, eq. 2:
///
///   L = L_before + C_T (D^gD/N^gN) e^(-P_post/g_post + b)
struct KumarPtq {
  static constexpr std::string_view name = "kumar_ptq";
  static constexpr Target target = Target::PostTraining;
  static constexpr std::array symbols{kCT, kGD, kGN, kGPost, kOffsetPost};
  static constexpr std::size_t coefficients = 1;
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 5>& theta, const RunPoint& run) {
    using std::exp;
    const auto& [C_T, gD, gN, g_post, b] = theta;
    return run.loss_before + size_and_data_penalty(C_T, gD, gN, Scalar(0.0), run) * exp(b - run.post.bits / g_post);
  }
  static Surface surface(const Parameters<double, 5>& theta, const RunPoint& run) {
    const auto& [C_T, gD, gN, g_post, b] = theta;
    return {.E = run.loss_before, .c = C_T * std::exp(b - run.post.bits / g_post), .gD = gD, .gN = gN};
  }
  static Parameters<double, 5> natural(Parameters<double, 5> theta, double n0, double d0) {
    theta[0] *= std::pow(n0, theta[2]) / std::pow(d0, theta[1]);
    return theta;
  }
};

/// Models that were trained in low precision already (Kumar et al., arXiv 2411.04330, eq. 9):
///
///   L = L_before + C_T (D^gD/(N f)^gN) e^(-P_post/g_post + b) prod_x [ 1 - e^(-C_x (P_x - P_post)) ]
///
/// f as in kumar_joint. A part that was not rounded in training has factor 1; where P_x = P_post the penalty is 0, and
/// below that the law says nothing (NaN).
struct KumarUnified {
  static constexpr std::string_view name = "kumar_unified";
  static constexpr Target target = Target::PostTraining;
  static constexpr std::array symbols{kCT,
                                      kGD,
                                      kGN,
                                      kGPost,
                                      kOffsetPost,
                                      gamma_symbol("gamma_w", ActsOn::RoundedWeights),
                                      offset_symbol("n_w", ActsOn::RoundedWeights),
                                      gamma_symbol("gamma_a", ActsOn::RoundedActivations),
                                      offset_symbol("n_a", ActsOn::RoundedActivations),
                                      gamma_symbol("gamma_kv", ActsOn::RoundedKv),
                                      offset_symbol("n_kv", ActsOn::RoundedKv),
                                      rate_symbol("C_w", ActsOn::RoundedWeights),
                                      rate_symbol("C_a", ActsOn::RoundedActivations),
                                      rate_symbol("C_kv", ActsOn::RoundedKv)};
  static constexpr std::size_t coefficients = 1;
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 14>& theta, const RunPoint& run) {
    return log_factors_each(theta, run);
  }
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 14>& theta, const RunPoint& run) {
    using std::exp;
    return run.loss_before + size_and_data_penalty(theta[0], theta[1], theta[2], log_share(theta, run), run) *
                                 exp(theta[4] - run.post.bits / theta[3]) * still_to_lose(theta, run);
  }
  static Surface surface(const Parameters<double, 14>& theta, const RunPoint& run) {
    const double c = theta[0] * std::exp(theta[4] - run.post.bits / theta[3] - theta[2] * log_share(theta, run));
    return {.E = run.loss_before, .c = c * still_to_lose(theta, run), .gD = theta[1], .gN = theta[2]};
  }
  static Parameters<double, 14> natural(Parameters<double, 14> theta, double n0, double d0) {
    theta[0] *= std::pow(n0, theta[2]) / std::pow(d0, theta[1]);
    return theta;
  }

 private:
  /// prod_x [ 1 - e^(-C_x (P_x - P_post)) ]
  template <class Scalar>
  static Scalar still_to_lose(const Parameters<Scalar, 14>& theta, const RunPoint& run) {
    return not_yet_lost(run.weights, theta[11], run) * not_yet_lost(run.activations, theta[12], run) *
           not_yet_lost(run.kv, theta[13], run);
  }
  /// 1 - e^(-C (P - P_post)): a model that was trained at few bits has less to lose.
  template <class Scalar>
  static Scalar not_yet_lost(const Part& part, const Scalar& C, const RunPoint& run) {
    using std::exp;
    if (!part.rounded) return Scalar(1.0);
    if (!(part.bits >= run.post.bits)) return Scalar(kUnknown);
    return 1.0 - exp(C * (run.post.bits - part.bits));
  }
};

/// A power of P in place of the exponential ("QiD", arXiv 2411.17691):
///
///   L = L_before + k D^beta / (N^alpha P_post^gamma)
struct Qid {
  static constexpr std::string_view name = "qid";
  static constexpr Target target = Target::PostTraining;
  static constexpr std::array symbols{
      Symbol{"k", "nats x parameters^alpha x bits^gamma / tokens^beta", 0, kNoLimit, 0.01, 1, Scale::Linear},
      Symbol{"beta", "1", 0, 2, 0.1, 0.8, Scale::Linear}, Symbol{"alpha", "1", 0, 2, 0.1, 0.8, Scale::Linear},
      Symbol{"gamma", "1", 0, 15, 2, 8, Scale::Linear}};
  static constexpr std::size_t coefficients = 1;
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& theta, const RunPoint& run) {
    using std::exp;
    const auto& [k, beta, alpha, gamma] = theta;
    return run.loss_before +
           size_and_data_penalty(k, beta, alpha, Scalar(0.0), run) * exp(-gamma * std::log(run.post.bits));
  }
  static Surface surface(const Parameters<double, 4>& theta, const RunPoint& run) {
    const auto& [k, beta, alpha, gamma] = theta;
    return {.E = run.loss_before, .c = k * std::pow(run.post.bits, -gamma), .gD = beta, .gN = alpha};
  }
  static Parameters<double, 4> natural(Parameters<double, 4> theta, double n0, double d0) {
    theta[0] *= std::pow(n0, theta[2]) / std::pow(d0, theta[1]);
    return theta;
  }
};

}  // namespace vernier::law
