#include "density/outlook.h"

#include <cmath>

#include "density/density.h"

namespace vernier::density {

namespace {

constexpr double kDaysOfYear = 365.25;

Ranged ranged(double log_value, const std::vector<double>& log_replicates) {
  const Ends ends = ends_of(log_replicates);
  Ranged result{std::exp(log_value), {}, {}};
  if (ends.lo) result.lo = std::exp(*ends.lo);
  if (ends.hi) result.hi = std::exp(*ends.hi);
  return result;
}

OutlookPoint point_at(double days, const DensingLaw& law, double log_n, const std::vector<double>& log_ns,
                      const FlopsOfSize& flops, const OutlookOptions& asked) {
  OutlookPoint point;
  point.days = days;
  point.date = date_of(days);
  const double log_rho = law.trend->line.at(days);
  std::vector<double> sizes, costs, bought;
  const double cheaper = asked.price_halving ? days * std::log(2.0) / *asked.price_halving + std::log(asked.budget) : 0;
  for (const DensityLine& line : law.replicates) {
    const double rho = line.at(days);
    sizes.push_back(log_ns.at(line.replicate) - rho);
    if (flops.is_known()) costs.push_back(flops.log_flops(sizes.back()));
    bought.push_back(rho + cheaper);
  }
  point.params = ranged(log_n - log_rho, sizes);
  if (flops.is_known()) point.flops_per_token = ranged(flops.log_flops(log_n - log_rho), costs);
  if (asked.price_halving) point.affordable = ranged(log_rho + cheaper, bought);
  return point;
}

/// Of A + ln 2/h; an end is absent where that may be zero.
Ranged doubling_of(const DensingLaw& law, double halving) {
  const auto days = [&](double slope) { return std::log(2.0) / (slope + std::log(2.0) / halving); };
  Ranged result{days(*law.slope_per_day), {}, {}};
  if (const double at = days(*law.hi); at > 0 && std::isfinite(at)) result.lo = at;
  if (const double at = days(*law.lo); at > 0 && std::isfinite(at)) result.hi = at;
  return result;
}

}  // namespace

Outlook outlook_of(const DensingLaw& law, const Family& family, const FlopsOfSize& flops, const OutlookOptions& asked) {
  Outlook outlook;
  outlook.asked = asked;
  const double log_n = log_n_hat(family.best, asked.value, asked.tokens);
  outlook.why_absent = why_no_size(family.best, family.measure, asked.value, asked.tokens);
  if (std::isfinite(log_n)) outlook.n_hat = std::exp(log_n);
  if (!law.slope_per_day) outlook.why_absent = "no densing law: " + law.why_absent;
  if (!outlook.why_absent.empty()) return outlook;
  std::vector<double> log_ns;
  for (const Reference& replicate : family.replicates)
    log_ns.push_back(log_n_hat(replicate, asked.value, asked.tokens));
  const auto add = [&](double days, bool extrapolated) {
    outlook.points.push_back(point_at(days, law, log_n, log_ns, flops, asked));
    outlook.points.back().extrapolated = extrapolated;
  };
  for (const DatedDensity& point : law.points) add(days_of(point.date), false);
  const double last = days_of(law.points.back().date);
  for (std::int64_t year = 1; year <= asked.years; ++year)
    add(std::round(last + kDaysOfYear * static_cast<double>(year)), true);
  if (asked.price_halving) outlook.doubling_days = doubling_of(law, *asked.price_halving);
  return outlook;
}

}  // namespace vernier::density
