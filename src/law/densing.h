// The two steps of the density estimate (LAWS.md, section 4): from size and data to the conditional loss of the right
// answers, and from that to the score (Xiao et al., arXiv 2412.04315).
#pragma once

#include <algorithm>

#include "law/terms.h"

namespace vernier::law {

/// Eq. 2, with the E that the paper does not have (fix E = 0 for its form):
///
///   L = E + a N^-alpha + b D^-beta          L: -ln P(answer | context) [nats]
struct DensingLoss : ScalesParameters<DensingLoss> {
  static constexpr std::string_view name = "densing_loss";
  static constexpr Target target = Target::TaskLoss;
  static constexpr std::array symbols{kE, Symbol{"a", "nats x parameters^alpha", 0, kNoLimit, 0.05, 5, Scale::Linear},
                                      Symbol{"b", "nats x tokens^beta", 0, kNoLimit, 0.05, 5, Scale::Linear}, kAlpha,
                                      kBeta};
  template <class Scalar>
  static Scalar log_share(const Parameters<Scalar, 5>&, const RunPoint&) {
    return Scalar(0.0);
  }
};

/// Eq. 3, the share of right answers from the conditional loss:
///
///   S = d + c / (1 + e^(-gamma (L - l)))          gamma < 0; d chance level, c + d ceiling
///
/// with c + d <= 1, as no ceiling is above all: c counts for no more than 1 - d, and admit() makes it that. The
/// residual is S_hat - S: a score may be 0.
struct DensingScore {
  static constexpr std::string_view name = "densing_score";
  static constexpr Target target = Target::TaskScore;
  static constexpr Residual residual = Residual::Difference;
  static constexpr std::array symbols{
      Symbol{"d", "1", 0, 1, 0, 0.5, Scale::Linear}, Symbol{"c", "1", 0, 1, 0.1, 1, Scale::Linear},
      Symbol{"gamma", "1/nats", -50, -1e-3, -10, -1, Scale::Linear}, Symbol{"l", "nats", 0, 50, 0.5, 5, Scale::Linear}};
  static constexpr std::size_t coefficients = 2;
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 4>& theta, const RunPoint& run) {
    using std::exp;
    const auto& [d, c, gamma, l] = theta;
    const Scalar most = 1.0 - d;
    return d + (c < most ? c : most) / (1.0 + exp(-gamma * (run.task_loss - l)));
  }
  static Parameters<double, 4> admit(Parameters<double, 4> theta) {
    theta[1] = std::min(theta[1], 1 - theta[0]);
    return theta;
  }
  static Parameters<double, 4> natural(const Parameters<double, 4>& theta, double, double) { return admit(theta); }
};

}  // namespace vernier::law
