// How a law would spend a product of N and D (LAWS.md, section 6).
#pragma once

#include "law/invert.h"

namespace vernier::law {

/// N* that minimises L(N, D) with N D = product. Without a penalty
///
///   N* = (alpha A'/(beta B'))^(1/(alpha+beta)) product^(beta/(alpha+beta)),   A' = A share_n^-alpha, B' = B
///   share_d^-beta
///
/// whatever `outer` is; with one, the root of dL/d ln N, which rises, as L is a sum of powers of N along the product
/// and of a power of such a sum. 0 or infinite where only one of N and D matters.
inline double best_params(const Surface& s, double product) {
  const double log_product = std::log(product), sum = s.alpha + s.beta;
  if (s.c == 0) {
    const double A = s.A * std::pow(s.share_n, -s.alpha), B = s.B * std::pow(s.share_d, -s.beta);
    return std::pow(s.alpha * A / (s.beta * B), 1 / sum) * std::exp(s.beta / sum * log_product);
  }
  const auto slope = [&](double log_n) {
    const double log_d = log_product - log_n;
    const double size = surface::of_size(s, log_n), data = surface::of_data(s, log_d);
    const double chain = s.outer == 1 ? 1 : s.outer * std::pow(size + data, s.outer - 1);
    return chain * (s.beta * data - s.alpha * size) - (s.gD + s.gN) * surface::penalty(s, log_n, log_d);
  };
  return std::exp(crossing(slope, -kSearched, kSearched));
}

}  // namespace vernier::law
