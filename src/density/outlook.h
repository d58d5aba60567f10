// What follows from the densing law: the size and the cost of inference that a score takes as recipes become denser,
// and the largest size that a price buys as hardware becomes cheaper too (Xiao et al., arXiv 2412.04315, corollaries 1
// and 2).
#pragma once

#include <string>
#include <vector>

#include "density/densing.h"
#include "density/reference.h"
#include "density/storage.h"

namespace vernier::density {

struct OutlookOptions {
  double value = 0;                     ///< score (or loss) that a model is to have
  double tokens = 0;                    ///< D at which sizes are compared
  std::optional<double> price_halving;  ///< days in which the price of a FLOP halves
  double budget = 1;                    ///< parameters of the reference family that the price buys on day zero
  std::int64_t years = 3;               ///< ahead of the last date
};

/// A number with its 90 % interval; an end is absent where it is infinite.
struct Ranged {
  double value = 0;
  std::optional<double> lo, hi;
};

struct OutlookPoint {
  std::string date;
  double days = 0;                        ///< since 2023-02-27
  bool extrapolated = false;              ///< beyond the last date that has a density
  Ranged params;                          ///< N_hat / rho_max(t)
  std::optional<Ranged> flops_per_token;  ///< of a forward pass of a model of so many parameters, by the family's own
                                          ///< relation; absent where runs state no FLOPs
  std::optional<Ranged> affordable;       ///< budget rho_max(t) 2^(t/price_halving), effective parameters
};

struct Outlook {
  OutlookOptions asked;
  std::optional<double> n_hat;  ///< of the value at D, reference family
  std::vector<OutlookPoint> points;
  std::optional<Ranged> doubling_days;  ///< of what a price buys: ln 2/(A + ln 2/price_halving)
  std::string why_absent;
};

/// Replicate k takes the family's k-th constants and the densing law's k-th line.
Outlook outlook_of(const DensingLaw& law, const Family& family, const FlopsOfSize& flops, const OutlookOptions& asked);

}  // namespace vernier::density
