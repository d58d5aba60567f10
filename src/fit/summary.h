// What a fit found, and why it stopped. What was not computed is absent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fit/seeds.h"
#include "record/archive.h"

namespace vernier::fit {

/// A number with its 90 % bootstrap interval. Without a bootstrap `lo`, `hi` and `se` are absent.
struct Interval {
  double value = 0;
  std::optional<double> lo, hi;    ///< 5 % and 95 % quantiles of the replicates
  std::optional<double> se;        ///< standard deviation of the replicates
  std::optional<bool> identified;  ///< absent without a bootstrap; rule: fit/identified.h
  std::optional<double> profile_lo = std::nullopt, profile_hi = std::nullopt;  ///< 90 % by profile likelihood; absent
                                                                               ///< where the data set no limit
  std::vector<std::string> with = {};  ///< parameters that make up for it where it is not identified
};

/// Where one start began, where it ended. Shape parameters only; the linear coefficients follow from them.
struct StartEnd {
  std::vector<double> start, end;
  double objective = 0;
};

struct Holdout {
  std::optional<double> rms_log;  ///< of the residuals of the runs held out, from a fit without them; absent for 0 rows
  std::int64_t rows = 0;          ///< runs held out that the law could predict
  std::int64_t outside = 0;       ///< runs held out for which a factor is not above zero, or that have no constant
};

/// A run that was not fitted, and why.
struct Excluded {
  std::string run;
  std::string why;
};

/// How often runs count in the replicates of a bootstrap.
struct Draws {
  std::vector<std::string> runs;           ///< by RunPoint::run
  std::vector<std::vector<double>> times;  ///< [draws, runs]
};

struct FitSummary {
  std::string law;
  std::vector<std::string> symbols;  ///< names of the parameters, as in LAWS.md
  std::vector<Interval> parameters;  ///< as `symbols`, natural units
  std::map<std::string, std::string>
      labels;                        ///< symbol of a format's constant -> precision label (RunPoint::precision)
  double objective = 0;              ///< sum over runs of Huber(residual), every run counting once
  double rms_log = 0;                ///< root mean square of ln L_hat - ln L
  double r2 = 0;                     ///< of L, 1 - sum of squared residuals / sum of squared deviations from the mean
  std::int64_t free_parameters = 0;  ///< that were fitted; tied ones count once
  double aic = 0, bic = 0;
  std::optional<Holdout> holdout;
  std::map<std::string, Holdout> holdouts;  ///< by rule, where several were asked for
  std::optional<SeedNoise> seed_noise;
  std::optional<double> condition;  ///< of J^T J at the optimum, columns scaled to unit length; absent when singular
  std::vector<StartEnd> starts;     ///< best first
  std::int64_t starts_at_best = 0;  ///< how many ended within 1e-6 (relative) of the best objective
  double seconds = 0;
  std::string stop;                ///< why the final polish ended
  std::int64_t rows = 0;           ///< runs that were fitted
  std::vector<Excluded> excluded;  ///< runs that lie outside this law
  double huber_delta = 1e-3;
  std::vector<std::vector<double>> bootstrap;  ///< parameter vectors of the replicates, order of `symbols`
  std::vector<std::int64_t> drawn;  ///< which draw each replicate is of; one without a finite optimum has none
  std::optional<Draws> draws;       ///< where FitOptions::keep_draws asked for them
  std::vector<FitSummary>
      base;  ///< of a law of quantization after training: the law of the loss before it; at most one

  std::vector<double> values() const {
    std::vector<double> v;
    for (const auto& parameter : parameters) v.push_back(parameter.value);
    return v;
  }
};

/// One element of "fits" in CONTRACTS.md.
Json to_json(const FitSummary& summary);

/// Reads back what to_json wrote; throws Error naming `place` and the key that is missing or ill-typed.
FitSummary summary_from_json(const Json& json, const std::string& place);

/// Reads FIT.json, the whole output of `vernier fit --json`, or one of its fits; throws Error.
std::vector<FitSummary> read_fits(const std::string& path);

/// The fit of that law in FIT.json; with an empty name the only one, or the one that FIT.json calls "best". Throws
/// Error naming those there are.
FitSummary read_fit(const std::string& path, const std::string& law = "");

/// Quantiles 5 % and 95 % of `values` (linear between order statistics), NaN-free input; absent when fewer than 10.
std::optional<std::pair<double, double>> interval_90(std::vector<double> values);

}  // namespace vernier::fit
