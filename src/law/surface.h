// A law at one precision: what is left of it is a function of N and D, and every law of a trained model has the same
// form there. So sizes, data and compute are solved for once (law/invert.h, law/allocate.h) and not law by law.
#pragma once

#include <cmath>

namespace vernier::law {

///   L(N, D) = E + [ A (N share_n)^-alpha + B (D share_d)^-beta ]^outer + c D^gD N^-gN          [nats per token]
///
/// All members >= 0; those of a precision that lies outside its law are NaN.
struct Surface {
  double E = 0, A = 0, alpha = 1, B = 0, beta = 1;
  double share_n = 1, share_d = 1;  ///< N_eff/N and D_eff/D at this precision
  double outer = 1;                 ///< chinchilla_outer and kaplan have one
  double c = 0, gD = 0, gN = 0;     ///< a penalty that grows with D and falls with N
};

namespace surface {

/// coefficient e^exponent, 0 also where the exponential of a vanishing coefficient overflows.
inline double term(double coefficient, double exponent) {
  return coefficient == 0 ? 0 : coefficient * std::exp(exponent);
}

inline double of_size(const Surface& s, double log_n) { return term(s.A, -s.alpha * (log_n + std::log(s.share_n))); }
inline double of_data(const Surface& s, double log_d) { return term(s.B, -s.beta * (log_d + std::log(s.share_d))); }
inline double penalty(const Surface& s, double log_n, double log_d) { return term(s.c, s.gD * log_d - s.gN * log_n); }
inline double powered(const Surface& s, double inner) { return s.outer == 1 ? inner : std::pow(inner, s.outer); }

}  // namespace surface

/// L(N, D) - E.
inline double above_floor(const Surface& s, double n, double d) {
  const double log_n = std::log(n), log_d = std::log(d);
  return surface::powered(s, surface::of_size(s, log_n) + surface::of_data(s, log_d)) +
         surface::penalty(s, log_n, log_d);
}

inline double loss_at(const Surface& s, double n, double d) { return s.E + above_floor(s, n, d); }

inline bool is_inside(const Surface& s) {
  return std::isfinite(s.E + s.A + s.B + s.c) && s.share_n > 0 && s.share_d > 0 && std::isfinite(s.share_n + s.share_d);
}

}  // namespace vernier::law
