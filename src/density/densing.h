// The densing law over dated recipes (Xiao et al., arXiv 2412.04315, eq. 5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "density/reference.h"

namespace vernier::density {

/// The densest model of one recipe date.
struct DatedDensity {
  std::string date;  ///< YYYY-MM-DD
  std::string run;
  double density = 0;
  bool record = false;                                         ///< denser than everything of an earlier date
  std::optional<double> lo = std::nullopt, hi = std::nullopt;  ///< 90 % interval of the density
  LogDensities log_replicates = {};
};

/// ln rho = level + slope (t - middle) by least squares.
struct DensityLine {
  double slope = 0, level = 0, middle = 0;  ///< [1/day], [1], [days]
  double spread = 0;                        ///< sum of (t - middle)^2 [days^2]
  double variance = 0;                      ///< of the residuals, n - 2 degrees of freedom [1]
  double null_variance = 0;  ///< of ln rho about its mean, n - 1 degrees of freedom: the line without a slope
  double r2 = 0;
  std::size_t points = 0;
  std::size_t replicate = 0;  ///< of whose densities the line is, where it is not of the estimates
  double at(double days) const { return level + slope * (days - middle); }
};

/// A line with what is known of its slope.
struct DensityTrend {
  DensityLine line;
  double lo = 0, hi = 0;  ///< 90 % interval of the slope, see densing_law; where the points have no replicates, by the
                          ///< scatter about the line alone (Student's t) [1/day]
  double p = 1;           ///< of a slope as far from zero, were there none (t test, the F test of both models)
  std::optional<double> aicc, null_aicc;  ///< corrected Akaike criteria of the line and of a constant; absent where
                                          ///< there are too few points for the correction
};

/// ln rho_max = A t + B, t in days since 2023-02-27 (2412.04315, Eq 5), least squares over the record holders.
struct DensingLaw {
  std::optional<double> slope_per_day, intercept, r2, doubling_days;  ///< A [1/day], B [1], ln 2 / A [days]
  std::optional<double> lo, hi;                                       ///< 90 % interval of A, trend's [1/day]
  std::optional<double> doubling_lo, doubling_hi;  ///< that interval mapped through ln 2 / A; `hi` is absent where A
                                                   ///< may be zero: never [days]
  std::optional<DensityTrend> trend;               ///< over the record holders
  std::optional<DensityTrend> all_dates;  ///< over every date's densest: records rise by construction, these need not
  std::vector<DensityLine> replicates;    ///< of the line over the record holders
  std::string why_absent;
  std::string sentence;              ///< what may be said of so many points
  std::vector<DatedDensity> points;  ///< the best of each date, ascending
};

/// Fits the densing law to densities with the dates of their recipes. At least three dates that each set a record are
/// needed; with fewer the values are absent and why_absent says so.
///
/// The record holders are those of the estimates and stay the same in all replicates, as a largest of noisy values in
/// each of them would be biased twice. The uncertainty of the line is the wider of two, both with the reference's,
/// which moves all points together: replicate k takes the points' densities by the reference's k-th constants and adds
/// Student's t with n - 2 degrees of freedom times the standard errors of the line; or it takes densities in which each
/// point moves by its own error too. Few points may lie on a line by luck, and errors may be unequal.
DensingLaw densing_law(const std::vector<DatedDensity>& models, const Stream& stream = Stream(1));

/// Days from 2023-02-27 to `date`, YYYY-MM-DD; throws Error where it is no date.
double days_of(std::string_view date);

/// The date so many whole days after 2023-02-27.
std::string date_of(double days);

}  // namespace vernier::density
