// Training in low precision: penalties that are added to the loss and grow with D (LAWS.md, sections 2.4 and 2.5).
#pragma once

#include "law/terms.h"

namespace vernier::law {

/// Float formats by their exponent and mantissa bits ("Capybara", arXiv 2501.02423):
///
///   L = n N^-alpha + d D^-beta + eps + (D^beta/N^alpha) log2(G) / ( g (Eb + 0.5)^delta (Mb + 0.5)^nu )
///
/// Eb, Mb and G (elements per scale) are those of the weights, or of the activations where weights are not rounded.
struct FloatBits {
  static constexpr std::string_view name = "float_bits";
  static constexpr std::array symbols{
      Symbol{"eps", "nats per token", 0, kNoLimit, 0, 0, Scale::Linear},
      Symbol{"n", "nats x parameters^alpha", 0, kNoLimit, 0.05, 5, Scale::Linear},
      Symbol{"d", "nats x tokens^beta", 0, kNoLimit, 0.05, 5, Scale::Linear},
      kAlpha,
      kBeta,
      Symbol{"g", "tokens^beta / (nats x parameters^alpha)", 1e-12, 1e30, 0.1, 1000, Scale::Log, ActsOn::Rounded},
      Symbol{"delta", "1", 0.01, 20, 1, 5, Scale::Log, ActsOn::Rounded},
      Symbol{"nu", "1", 0.01, 20, 1, 5, Scale::Log, ActsOn::Rounded}};
  static constexpr std::size_t coefficients = 3;
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 8>& theta, const RunPoint& run) {
    using std::exp, std::log;
    const auto& [eps, n, d, alpha, beta, g, delta, nu] = theta;
    const Scalar size = exp(-alpha * std::log(run.params)), data = exp(-beta * std::log(run.tokens));
    const Scalar base = eps + n * size + d * data;
    if (!is_rounded(run)) return base;
    return base + size / data * per_precision(g, delta, nu, run);
  }
  static Surface surface(const Parameters<double, 8>& theta, const RunPoint& run) {
    const auto& [eps, n, d, alpha, beta, g, delta, nu] = theta;
    const double c = is_rounded(run) ? per_precision(g, delta, nu, run) : 0;
    return {.E = eps, .A = n, .alpha = alpha, .B = d, .beta = beta, .c = c, .gD = beta, .gN = alpha};
  }
  static Parameters<double, 8> natural(Parameters<double, 8> theta, double n0, double d0) {
    const double size = std::pow(n0, theta[3]), data = std::pow(d0, theta[4]);
    theta[1] *= size;
    theta[2] *= data;
    theta[5] *= data / size;
    return theta;
  }

 private:
  /// log2(G) / ( g (Eb + 0.5)^delta (Mb + 0.5)^nu )
  template <class Scalar>
  static Scalar per_precision(const Scalar& g, const Scalar& delta, const Scalar& nu, const RunPoint& run) {
    using std::exp;
    const Part& part = run.weights.rounded ? run.weights : run.activations;
    return std::log2(part.group) /
           (g * exp(delta * std::log(part.exponent_bits + 0.5)) * exp(nu * std::log(part.mantissa_bits + 0.5)));
  }
};

/// Groups of G elements per scale ("QAT law", arXiv 2505.14302, eq. 5), one set of constants for one precision:
///
///   L = E + A N^-alpha + B D^-beta + k D^gD (log2 G)^gG N^-gN
///
/// G is that of the weights, or of the activations where weights are not rounded.
struct QatGroup {
  static constexpr std::string_view name = "qat_group";
  static constexpr std::array symbols{
      kE,
      kA,
      kB,
      Symbol{"k", "nats x parameters^gN / tokens^gD", 0, kNoLimit, 0.01, 1, Scale::Linear, ActsOn::Rounded},
      kAlpha,
      kBeta,
      Symbol{"gN", "1", 1e-4, 3, 0.05, 0.6, Scale::Log, ActsOn::Rounded},
      Symbol{"gD", "1", 1e-4, 3, 0.01, 0.4, Scale::Log, ActsOn::Rounded},
      Symbol{"gG", "1", 1e-4, 5, 0.1, 1.5, Scale::Log, ActsOn::Rounded}};
  static constexpr std::size_t coefficients = 4;
  template <class Scalar>
  static Scalar loss(const Parameters<Scalar, 9>& theta, const RunPoint& run) {
    using std::exp, std::log;
    const auto& [E, A, B, k, alpha, beta, gN, gD, gG] = theta;
    const Scalar base = base_loss(E, A, B, alpha, beta, Scalar(0.0), run);
    if (!is_rounded(run)) return base;
    return base + k * exp(gD * std::log(run.tokens) - gN * std::log(run.params) + gG * log_log_group(run));
  }
  static Surface surface(const Parameters<double, 9>& theta, const RunPoint& run) {
    const auto& [E, A, B, k, alpha, beta, gN, gD, gG] = theta;
    const double c = is_rounded(run) ? k * std::exp(gG * log_log_group(run)) : 0;
    return {.E = E, .A = A, .alpha = alpha, .B = B, .beta = beta, .c = c, .gD = gD, .gN = gN};
  }
  static Parameters<double, 9> natural(Parameters<double, 9> theta, double n0, double d0) {
    theta[1] *= std::pow(n0, theta[4]);
    theta[2] *= std::pow(d0, theta[5]);
    theta[3] *= std::pow(n0, theta[6]) / std::pow(d0, theta[7]);
    return theta;
  }

 private:
  /// ln log2 G.
  static double log_log_group(const RunPoint& run) {
    return std::log(std::log2((run.weights.rounded ? run.weights : run.activations).group));
  }
};

}  // namespace vernier::law
