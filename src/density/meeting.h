// Where the two laws meet (DESIGN.md, section 8): the density rho(P) of runs in a precision, which the reference family
// measures, beside N_eff(P)/N of the fitted precision law.
#pragma once

#include <string>
#include <vector>

#include "density/density.h"
#include "fit/hypothesis.h"
#include "fit/summary.h"

namespace vernier::density {

/// Runs of one precision that saw a like number of tokens per parameter.
struct MeetingGroup {
  double tokens_per_parameter = 0;  ///< geometric mean over the runs
  std::size_t runs = 0;
  std::optional<fit::Interval> density;  ///< median
  std::optional<fit::Interval> ratio;    ///< density over N_eff/N
  std::string parts;  ///< denser | less dense | no difference | unknown: by the interval of the ratio
};

/// One precision by both laws.
struct Meeting {
  std::string precision;
  std::optional<double> bits;            ///< of a stored weight
  std::size_t runs = 0, beyond = 0;      ///< trained in it; of these, without a density
  std::optional<fit::Interval> density;  ///< median of rho over the runs
  std::optional<fit::Interval> share;    ///< median of f = N_eff/N over the runs
  std::optional<fit::Interval> ratio;    ///< density / share
  fit::Decision equal;                   ///< that both are the same
  /// d ln rho / d ln D among runs of one N; the law says 0. Absent with fewer than three runs that have a density, or
  /// where no N has two D.
  std::optional<fit::Interval> slope;
  std::string slope_verdict;         ///< grows | falls | constant or undecided, by the interval
  std::vector<MeetingGroup> groups;  ///< runs in order of D/N, in up to three groups
};

struct Meetings {
  std::vector<Meeting> formats;    ///< of rounded precisions, in order of bits
  std::optional<Meeting> control;  ///< of the unrounded runs, whose share is 1 by definition: what is not 1 here, or
                                   ///< has a slope, is the reference law's own misfit
  std::optional<fit::Decision> overall;  ///< that both laws agree in every precision; absent where there is none
  std::string why_absent;                ///< why there is nothing to compare
};

/// How a ratio is told from one: as any equality (fit/hypothesis.h).
inline constexpr double kMeetingMargin = 0.2;

/// One run as both laws see it.
struct Met {
  const ModelDensity& model;
  const std::vector<double>& log_rho;  ///< LogDensities::of_reference
  const law::RunPoint& point;
};

/// `runs` are trained ones of the reference family's recipe. Replicate k of a median takes the runs' densities by the
/// reference's k-th constants and draws among the runs with replacement; of a ratio, with the law's k-th replicate.
/// Both laws saw the same unrounded runs but other draws of them, so a ratio's interval is rather too wide. Equality
/// per precision is decided by the 90 % interval of ratio - 1 against the margin, and by a two-sided p of the
/// replicates; overall it is supported where every precision supports it (intersection-union), and refuted where
/// Bonferroni's correction leaves one that refutes it.
Meetings meetings_of(const std::vector<Met>& runs, const fit::FitSummary& precision_law, const Stream& stream);

}  // namespace vernier::density
