#include "fit/ruling.h"

#include <algorithm>
#include <cmath>

namespace vernier::fit {
namespace {

constexpr double kRefuted = 0.05;  // p of a nested comparison

// How many more runs. The standard error falls with the square root of their number. An estimate that repeats itself
// exactly has its interval, 1.645 standard errors to either side, just clear of a boundary that is as far away, but
// then every second sample would fall short; 0.842 more bring in four of five. p < 0.05 on both sides needs 1.960, and
// p says itself how many there are: the interval of a largest less a smallest, which is above zero always, does not.
constexpr double kFor90 = 1.644854, kForP = 1.959964, kFourOfFive = 0.841621;

/// One condition: the part of the interval between estimate and boundary, and the distance to that boundary.
struct Reach {
  double half_width, distance;
  double needed = kFor90;  ///< standard errors between estimate and boundary
};

void add_more_runs(Decision& decision, const std::vector<Reach>& reaches) {
  double ratio = 0;
  for (const auto& [half_width, distance, needed] : reaches)
    ratio = std::max(ratio, half_width / distance * (needed + kFourOfFive) / kFor90);
  const double more = std::ceil(double(decision.runs) * (ratio * ratio - 1));
  constexpr double kMost = 1e9;  // an estimate on the boundary itself
  if (!std::isfinite(more) || more > kMost)
    decision.why = fmt::format("{}: the estimate lies on the boundary", kNoRuns);
  else
    decision.more_runs = std::max<std::int64_t>(1, std::int64_t(more));
}

/// The standard normal deviation that is exceeded to both sides with this probability: p = erfc(z/sqrt 2).
double deviation_of(double p) {
  double low = 0, high = 10;
  for (int k = 0; k < 60; ++k) {
    const double z = (low + high) / 2;
    (std::erfc(z / std::sqrt(2.0)) > p ? low : high) = z;
  }
  return p < 1 ? low : 0;
}

double below(const Effect& effect) { return effect.value - *effect.lo; }
double above(const Effect& effect) { return *effect.hi - effect.value; }

}  // namespace

void rule_by_interval(Decision& decision, double lo, double hi) {
  const Effect& effect = *decision.effect;
  if (*effect.lo > lo && *effect.hi < hi) {
    decision.ruling = Ruling::Supported;
  } else if (*effect.hi < lo || *effect.lo > hi) {
    decision.ruling = Ruling::Refuted;
  } else if (effect.value < lo) {
    add_more_runs(decision, {{above(effect), lo - effect.value}});
  } else if (effect.value > hi) {
    add_more_runs(decision, {{below(effect), effect.value - hi}});
  } else {
    std::vector<Reach> reaches;
    if (std::isfinite(lo)) reaches.push_back({below(effect), effect.value - lo});
    if (std::isfinite(hi)) reaches.push_back({above(effect), hi - effect.value});
    add_more_runs(decision, reaches);
  }
}

void rule_by_difference(Decision& decision, bool one_sided) {
  const Effect& effect = *decision.effect;
  const double margin = *effect.margin, size = std::abs(effect.value);
  const bool inside = *effect.hi < margin && (one_sided || *effect.lo > -margin);
  if (inside) {
    decision.ruling = Ruling::Supported;
  } else if (*decision.p < kRefuted) {
    decision.ruling = Ruling::Refuted;
  } else if (size >= margin) {
    add_more_runs(decision, {{kFor90, deviation_of(*decision.p), kForP}});
  } else {
    std::vector<Reach> reaches{{above(effect), margin - effect.value}};
    if (!one_sided) reaches.push_back({below(effect), margin + effect.value});
    add_more_runs(decision, reaches);
  }
}

}  // namespace vernier::fit
