// What a law says about the best use of compute: N, D and P under C = 6 N D P/16 (LAWS.md, section 6), or under costs
// per format that the user measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fit/precision.h"
#include "fit/surface.h"

namespace vernier::fit {

/// f at P bits in every part that the law knows, also beyond the precisions that were fitted; NaN where a factor is not
/// above zero. For laws with one constant per format that of the best format with so many bits; NaN where there is
/// none.
double share_at_bits(const FitSummary& law, const std::vector<double>& parameters, double bits);

/// True when the loss depends on the precision of a run.
bool has_precision(const FitSummary& law);

struct Budget {
  double compute = 0;                          ///< C in 16-bit FLOPs; not looked at where `inference` is given
  std::optional<double> params, tokens, bits;  ///< held; at most one
  PrecisionOptions precision = {};
  std::optional<double> inference = {};  ///< N P in parameters x bits, held in place of the compute
};

struct Optimum {
  double n = 0, d = 0;
  std::optional<double> p;  ///< absent for laws without precision
  std::string format;       ///< the one chosen, where the law or the costs name formats
  double loss = 0;
  bool interior = true;             ///< false where P lies at an end of what was searched
  std::vector<std::string> bounds;  ///< "n = 1" and the like: what lies at the end of the searched range
  std::vector<LeftOut> left_out;    ///< formats that the law could not consider
};

/// Compute-optimal N, D and P, with P searched in [1, 32] bits, N and D in [1, 1e30]. A multiply at P bits costs P/16,
/// or what budget.precision.costs says: then only the formats listed there and 16 bits are candidates. Without
/// precision P is 16.
///
/// At each precision N* follows from law/allocate.h. Laws that scale N and D choose the P that maximises
/// share_n share_d/cost, whatever C; where N is held, or D and the law scales D too, and for laws with a penalty, the P
/// with the smallest loss. qat_group knows one precision: its bits are those held, else 16.
///
/// With budget.inference instead: the N, D and P that minimise the loss with N P held (Kumar et al., arXiv 2411.04330,
/// eq. 29), D being D_crit of each, P that of the weights after training for laws that quantize then.
///
/// Throws Error for a budget or held value out of range, a law that lacks its base law, or one without what is asked;
/// Failure where no P in the range lies inside the law.
Optimum optimum(const FitSummary& law, const std::vector<double>& parameters, const Budget& budget);

/// The same with 90 % intervals from the replicates of the fit, absent where it holds none.
struct OptimumIntervals {
  Optimum best;
  Interval n, d, loss;
  std::optional<Interval> p;
};
OptimumIntervals optimum_with_intervals(const FitSummary& law, const Budget& budget);

}  // namespace vernier::fit
