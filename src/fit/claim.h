// What a hypothesis says, read from one line of text:
//
//   gamma_w == gamma_a           two parameters are equal; or a parameter and a number, n_w == 0
//   E does not depend on P       all precisions share the parameter
//   alpha > 0.3                  a parameter, or P* (the bits at which N_eff/N per bit peaks), lies on this side; also
//                                alpha < 0.5, alpha in [0.3, 0.5]
//   delta_ptq grows with D/N     or falls; of loss, delta (loss of a rounded run minus that of the unrounded run of the
//                                same N and D) and delta_ptq (loss after quantization minus loss before it), with D/N,
//                                D, N or P
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "law/point.h"

namespace vernier::fit {

struct Claim {
  enum class Kind { Equality, Independence, Interval, Trend };
  std::string text;  ///< as written
  Kind kind = Kind::Equality;
  std::string left;   ///< a parameter, P*, or what a trend is of
  std::string right;  ///< the other parameter, or what a trend is with; empty where a number stands there
  double lo = -std::numeric_limits<double>::infinity(), hi = std::numeric_limits<double>::infinity();
  bool grows = true;  ///< of a trend
};

inline constexpr std::string_view kBestBits = "P*";

struct Hypothesis {
  Claim claim;
  std::string law;      ///< empty for a trend
  double margin = 0.2;  ///< a relative difference up to this counts as none (fit/hypothesis.h)
};

/// Throws Error that says what can be claimed.
Claim parse_claim(const std::string& text);

/// The claim with its law: `law` where that is given, else the only one of `laws` that has what the claim speaks of.
/// For "does not depend on P" without a law it is `free_eff`, which assumes nothing of N_eff/N; `chinchilla` where the
/// claim is about A, which `free_eff` lets each precision have. Throws Error for a margin that is not positive, a law
/// that is not known or does not have the symbols, symbols of different units, several laws to choose from.
Hypothesis hypothesis_of(const Claim& claim, const std::string& law, double margin,
                         const std::vector<std::string>& laws);

/// "LAW: claim" or "claim", as on the command line.
Hypothesis parse_hypothesis(const std::string& text, double margin, const std::vector<std::string>& laws);

/// What these runs lack for the claim to be about them at all: the rows that its law is fitted to, a part that is
/// rounded somewhere, two values of what a trend is with. Empty when nothing; losses are not looked at.
std::string lacking(const Hypothesis& hypothesis, const std::vector<law::RunPoint>& points);

}  // namespace vernier::fit
