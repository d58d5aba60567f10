// Decides a hypothesis from runs: supported, refuted, or undecided by these data; by how much; and how many more runs
// would decide it.
//
//   Equality, Independence  nested comparison (fit/nested.h): refuted when p < 0.05 and the interval of the difference
//   is
//                           not wholly inside the margin, supported when it is, else undecided
//   Interval                by the 90 % interval of the parameter: wholly on the claimed side, wholly off it, or
//   neither Trend                   by the 90 % interval of the slope (fit/trend.h): its side of zero
//
// What the margin, a share, is of: the mean size of the two parameters or the number; of 1 for offsets, which may be 0,
// and beside the number 0; of what N and D can remove (the mean of L - E) for E, as any difference is small beside E.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fit/claim.h"
#include "fit/fit.h"
#include "record/archive.h"

namespace vernier::fit {

enum class Ruling { Supported, Refuted, Undecided };
std::string_view name_of(Ruling ruling);

/// What was estimated in order to decide, with its 90 % interval.
struct Effect {
  std::string what;  ///< "gamma_w - gamma_a", "alpha", "slope of delta_ptq per e-fold of D/N"
  std::string unit;
  double value = 0;
  std::optional<double> lo, hi;
  std::optional<double> margin;  ///< differences up to this count as none [unit]; absent where the claim needs none
};

struct Decision {
  Hypothesis hypothesis;
  Ruling ruling = Ruling::Undecided;
  std::optional<Effect> effect;        ///< absent where these runs give none
  std::optional<double> statistic, p;  ///< of a nested comparison; p of a trend too
  std::int64_t runs = 0;               ///< that were used
  /// Runs of the same kind that would decide the claim in four of five cases, were the effect what it is estimated to
  /// be; for an undecided claim only.
  std::optional<std::int64_t> more_runs;
  std::string why;       ///< of an undecided claim: why no number of runs is given, or why nothing was estimated
  std::string sentence;  ///< all of this in words
};

struct DecideOptions {
  FitOptions fit;  ///< intervals take at least 200 replicates, however few are asked for; a hold-out is not used
  std::int64_t draws = 200;  ///< of the statistic of a nested comparison under the null; below 20 no p is below 0.05
};

/// Decides one hypothesis. `known` are fits of these points with these options; the one of the hypothesis' law serves
/// an interval claim. What fit.fix and fit.ties say of the claim's own parameters is left out, or there was nothing to
/// decide. Does not depend on the order of the points. Runs that cannot speak of the claim leave it undecided, with the
/// reason; nothing is thrown for want of runs.
Decision decide(const Hypothesis& hypothesis, const std::vector<law::RunPoint>& points, const DecideOptions& options,
                const std::vector<FitSummary>& known = {});

/// One element of "hypotheses": claim, law, verdict, effect {what, unit, value, lo, hi, margin}, statistic, p, runs,
/// more_runs, why, sentence.
Json to_json(const Decision& decision);

}  // namespace vernier::fit
