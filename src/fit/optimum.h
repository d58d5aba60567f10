// What a law says about the best use of compute: N, D and P under C = 6 N D P/16 (LAWS.md, section 6).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fit/fit.h"

namespace vernier::fit {

/// E + A (N f)^-alpha + B D^-beta: the form that all laws of this version share.
struct BaseTerms {
  double E, A, alpha, B, beta;
};
BaseTerms base_terms(const FitSummary& law, const std::vector<double>& parameters);

/// f at P bits in every part that the law knows, also beyond the precisions that were fitted; NaN where a factor is not
/// above zero. For free_eff the constant of the format with so many bits in all parts; NaN where there is none.
double share_at_bits(const FitSummary& law, const std::vector<double>& parameters, double bits);

/// True when the loss depends on the precision of a run.
bool has_precision(const FitSummary& law);

struct Budget {
  double compute = 0;                          ///< C in 16-bit FLOPs
  std::optional<double> params, tokens, bits;  ///< held; at most one
};

struct Optimum {
  double n = 0, d = 0;
  std::optional<double> p;  ///< absent for laws without precision
  double loss = 0;
  bool interior = true;             ///< false where P lies at an end of what was searched
  std::vector<std::string> bounds;  ///< "n = 1" and the like: what lies at the end of the searched range
};

/// Compute-optimal N, D and P for C = 6 N D P/16, with P searched in [1, 32] bits, N and D in [1, 1e30]. Without
/// precision P is 16. Free: P* maximises f(P)/P, then N* = (alpha A'/(beta B))^(1/(alpha+beta)) K^(beta/(alpha+beta))
/// with A' = A f^-alpha and K = N D = 16 C/(6 P). N held: P* minimises A (N f)^-alpha + B (P N/K_1)^beta, K_1 = 16 C/6.
/// Throws Error for a budget or held value out of range, Failure where no P in the range lies inside the law.
Optimum optimum(const FitSummary& law, const std::vector<double>& parameters, const Budget& budget);

/// The same with 90 % intervals from the replicates of the fit, absent where it holds none.
struct OptimumIntervals {
  Optimum best;
  Interval n, d, loss;
  std::optional<Interval> p;
};
OptimumIntervals optimum_with_intervals(const FitSummary& law, const Budget& budget);

}  // namespace vernier::fit
