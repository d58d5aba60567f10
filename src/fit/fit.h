// Estimates a law from runs: the sum of Huber terms of log residuals, minimised by variable projection from many starts
// and polished jointly; intervals by bootstrap with re-optimisation (DESIGN.md, section 7; LAWS.md, section 9).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fit/data.h"
#include "fit/summary.h"
#include "law/point.h"

namespace vernier::fit {

struct FitOptions {
  double huber_delta = 1e-3;  ///< of log residuals
  std::int64_t starts = 64;   ///< start points of the shape parameters, drawn
  /// Start points in place of drawn ones: every combination of these values of parameters, admissible or brought to the
  /// nearest bound. Linear coefficients need none, as they are solved for.
  std::map<std::string, std::vector<double>> start_grid;
  std::int64_t bootstrap = 1000;  ///< replicates; 0 for none
  std::optional<Draws> draws;     ///< in place of `bootstrap` fresh ones: a row for each replicate, every run named
  bool keep_draws = false;        ///< in the summary, for a second fit that is to see the same resamples
  std::int64_t seed = 1;
  std::int64_t threads = 0;           ///< 0: one per processor; changes the time only, never the result
  std::string holdout;                ///< largest_n:k | largest_d:k | fraction:f | unseen_precision; empty for none
  std::vector<std::string> holdouts;  ///< further ones; those that the data do not allow are left out
  bool with_base = true;              ///< laws of quantization after training bring the law of the loss before it
  bool weigh_by_seeds = true;         ///< runs count by the noise that replicate seeds show at their size
  std::map<std::string, double> fix;  ///< symbol -> value
  std::vector<std::pair<std::string, std::string>> ties;  ///< symbols that are equal
  std::set<std::string> free;                             ///< symbols that do not keep their usual value
};

/// Names of the laws that can be fitted, in the order of `--law all`.
std::vector<std::string> law_names();

/// Fits `law` to those of the points that have what it predicts (fit/select.h). Throws Error: unknown or unavailable
/// law, too few rows, columns that do not vary; Failure where no start gave a finite objective. Does not depend on the
/// order of the points, nor on the number of threads.
FitSummary fit(std::string_view law, const std::vector<law::RunPoint>& points, const FitOptions& options = {});

/// Loss of a point under a law, `parameters` in the order of the summary's symbols [nats per token]. NaN where any
/// factor is not above zero, or the point's format has no constant.
double loss(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point);

/// f = N_eff/N of a point; 1 exactly for the baseline and for laws without precision, NaN as above and where a law
/// adds a penalty instead.
double n_eff_share(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point);

}  // namespace vernier::fit
