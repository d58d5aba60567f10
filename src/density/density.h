// Density: how many parameters of the reference family a model is worth, per parameter that it has (LAWS.md, section 4;
// DESIGN.md, section 8).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fit/data.h"
#include "fit/summary.h"
#include "law/point.h"

namespace vernier::density {

/// What is known of one run. Absent values say why.
struct ModelDensity {
  std::string run;
  std::string precision;                       ///< as law::RunPoint::precision
  bool reference = false;                      ///< nothing in this run is rounded
  std::optional<double> params, tokens, loss;  ///< N [1], D [1], L [nats per token]; absent for excluded runs
  std::optional<double> compared_at;           ///< D at which the reference is inverted [tokens]
  std::optional<double> bits;                  ///< of a stored weight; 16 for weights that are not rounded
  std::optional<double> n_effective;           ///< N_hat [1]
  std::optional<double> density;               ///< rho = N_hat / N
  std::optional<double> lo, hi;                ///< 90 % interval of rho; one side is absent near the singularity
  std::optional<double> density_per_bit;       ///< rho 16 / bits
  std::optional<double> n_eff_precision_law;   ///< f = N_eff / N of the precision law
  std::string why_absent;                      ///< why n_effective is absent; empty where it is there
  std::string why_open;                        ///< why lo, hi or both are absent; empty where both are there
};

struct Options {
  std::optional<double> reference_tokens;  ///< D0; absent: every run at its own D
};

/// Effective parameters and density of every point, in order of the points, then of the excluded runs:
///
///   N_hat = ((L - E - B D0^-beta) / A)^(-1/alpha),   rho = N_hat / N
///
/// the inverse of the reference law L = E + A N^-alpha + B D^-beta (2412.04315, Eq 4, with E) at D0 = the run's own D,
/// or at options.reference_tokens. The 90 % interval comes from the bootstrap replicates of `reference`; a replicate
/// that the loss lies beyond counts as infinite, so the interval becomes one-sided as L falls to E + B D0^-beta. N_hat
/// does not exist for L at or below that floor: it is absent with the reason, never clamped.
///
/// `precision_law` may be null. Throws Error when `reference` is not of the form E, A, alpha, B, beta (chinchilla).
std::vector<ModelDensity> densities(const std::vector<law::RunPoint>& points,
                                    const std::vector<fit::Excluded>& excluded, const fit::FitSummary& reference,
                                    const fit::FitSummary* precision_law, const Options& options = {});

/// The densest model of one recipe date.
struct DatedDensity {
  std::string date;  ///< YYYY-MM-DD
  std::string run;
  double density = 0;
  bool record = false;  ///< denser than everything of an earlier date
};

/// ln rho_max = A t + B, t in days since 2023-02-27 (2412.04315, Eq 5), least squares over the record holders.
struct DensingLaw {
  std::optional<double> slope_per_day, intercept, r2, doubling_days;  ///< A [1/day], B [1], ln 2 / A [days]
  std::optional<double> lo, hi;                                       ///< 90 % interval of A (Student's t) [1/day]
  std::string why_absent;
  std::vector<DatedDensity> points;  ///< the best of each date, ascending
};

/// Fits the densing law to densities with the dates of their recipes. At least three dates that each set a record are
/// needed; with fewer the values are absent and why_absent says so.
DensingLaw densing_law(const std::vector<DatedDensity>& models);

/// Days from 2023-02-27 to `date`, YYYY-MM-DD; throws Error where it is no date.
double days_of(std::string_view date);

/// The object that `vernier density --json` prints (CONTRACTS.md); more keys than promised, none fewer.
Json to_json(const std::vector<ModelDensity>& models, const DensingLaw& law, const fit::FitSummary& reference,
             const fit::FitSummary* precision_law);

}  // namespace vernier::density
