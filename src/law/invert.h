// A law read backwards: the size that a loss is worth, the data that it is worth (LAWS.md, section 4, eq. 4).
#pragma once

#include <optional>

#include "law/laws.h"
#include "law/root.h"
#include "law/surface.h"

namespace vernier::law {

inline constexpr double kFarthest = 690;  ///< of ln N and ln D: beyond it, numbers end
inline constexpr double kSearched = 200;  ///< of ln N and ln D, by a root: within it no power of them overflows

namespace invert {

inline std::optional<double> number_of(double log_value) {
  if (!(std::abs(log_value) < kFarthest) || std::abs(log_value) == kSearched) return std::nullopt;
  return std::exp(log_value);
}

/// ln x of rest = coefficient (x share)^-exponent.
inline std::optional<double> log_of_power(double rest, double coefficient, double exponent, double share) {
  if (!(rest > 0) || !(coefficient > 0)) return std::nullopt;
  return (std::log(coefficient) - std::log(rest)) / exponent - std::log(share);
}

}  // namespace invert

/// ln of the D beyond which more data make the quantized model worse, at N: absent where the law has no penalty that
/// grows with D (LAWS.md, section 6).
///
///   outer beta B_eff D^-beta [...]^(outer-1) = gD c D^gD N^-gN,     D_crit = (beta B_eff N^gN/(gD c))^(1/(gD+beta))
///   for outer = 1
inline std::optional<double> log_d_crit(const Surface& s, double n) {
  if (!is_inside(s) || !(s.c > 0 && s.gD > 0 && s.B > 0)) return std::nullopt;
  const double log_n = std::log(n);
  const double log_data = std::log(s.beta * s.B) - s.beta * std::log(s.share_d);
  const double log_loss = std::log(s.gD * s.c) - s.gN * log_n;
  if (s.outer == 1) return (log_data - log_loss) / (s.gD + s.beta);
  const auto lead_of_loss = [&](double log_d) {  // rises with D, as outer > 0
    const double inner = surface::of_size(s, log_n) + surface::of_data(s, log_d);
    return log_loss + s.gD * log_d - (std::log(s.outer) + (s.outer - 1) * std::log(inner) + log_data - s.beta * log_d);
  };
  return crossing(lead_of_loss, -kSearched, kSearched);
}

inline std::optional<double> d_crit(const Surface& s, double n) {
  const auto log_d = log_d_crit(s, n);
  return log_d ? invert::number_of(*log_d) : std::nullopt;
}

/// N of this loss at D; absent where the loss lies at or below what any N reaches with so much data, and where no N is
/// small enough for it. Closed form without a penalty, otherwise a root in ln N.
inline std::optional<double> n_hat(const Surface& s, double loss, double d) {
  if (!is_inside(s) || !(loss > s.E)) return std::nullopt;
  const double log_d = std::log(d), data = surface::of_data(s, log_d);
  if (s.c == 0) {
    const auto log_n = invert::log_of_power(std::pow(loss - s.E, 1 / s.outer) - data, s.A, s.alpha, s.share_n);
    return log_n ? invert::number_of(*log_n) : std::nullopt;
  }
  return invert::number_of(crossing(
      [&](double log_n) {
        return loss - s.E - surface::powered(s, surface::of_size(s, log_n) + data) - surface::penalty(s, log_n, log_d);
      },
      -kSearched, kSearched));
}

/// D of this loss at N, the smaller one where a penalty gives two; absent where no D gives it. Closed form without a
/// penalty, otherwise a root in ln D below D_crit.
inline std::optional<double> d_hat(const Surface& s, double loss, double n) {
  if (!is_inside(s) || !(loss > s.E)) return std::nullopt;
  const double log_n = std::log(n), size = surface::of_size(s, log_n);
  if (s.c == 0) {
    const auto log_d = invert::log_of_power(std::pow(loss - s.E, 1 / s.outer) - size, s.B, s.beta, s.share_d);
    return log_d ? invert::number_of(*log_d) : std::nullopt;
  }
  const double farthest = log_d_crit(s, n).value_or(kSearched);
  const auto lead_of_loss = [&](double log_d) {
    return loss - s.E - surface::powered(s, size + surface::of_data(s, log_d)) - surface::penalty(s, log_n, log_d);
  };
  if (!(lead_of_loss(farthest) >= 0)) return std::nullopt;
  return invert::number_of(crossing(lead_of_loss, -kSearched, farthest));
}

/// N of this loss at the D and the precision of `run`.
template <class Law>
requires has_surface<Law> std::optional<double> n_hat(const Parameters<double, Law::symbols.size()>& theta, double loss,
                                                      const RunPoint& run) {
  return n_hat(Law::surface(theta, run), loss, run.tokens);
}

/// D of this loss at the N and the precision of `run`.
template <class Law>
requires has_surface<Law> std::optional<double> d_hat(const Parameters<double, Law::symbols.size()>& theta, double loss,
                                                      const RunPoint& run) {
  return d_hat(Law::surface(theta, run), loss, run.params);
}

/// Conditional loss of a score (LAWS.md, section 4, eq. 4); absent at and beyond chance level d and ceiling c + d.
///
///   L_hat = l - (1/gamma) ln( c/(S - d) - 1 )
inline std::optional<double> task_loss_of(const Parameters<double, 4>& densing_score, double score) {
  const auto& [d, c, gamma, l] = densing_score;
  if (!(score > d && score < c + d)) return std::nullopt;
  return l - std::log(c / (score - d) - 1) / gamma;
}

}  // namespace vernier::law
