// Whether a measured quantity grows or falls with N, D, their ratio or bits, without any law: the slope that runs share
// which are alike in everything else.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "fit/claim.h"

namespace vernier::fit {

inline constexpr std::array<std::string_view, 3> kQuantities{"loss", "delta", "delta_ptq"};
inline constexpr std::array<std::string_view, 4> kVariables{"D/N", "D", "N", "P"};

/// Slope of the quantity per e-fold of the variable [nats per token].
struct Trend {
  double slope = 0, lo = 0, hi = 0;  ///< with its 90 % interval
  double p = 1;                      ///< of slopes as far from 0, were the quantity not related to the variable
  std::int64_t runs = 0, strata = 0, cells = 0;
};

/// The pooled slope of a trend claim.
///
/// Runs are compared within strata in which all else is the same: the precision, what was done after training, and N
/// when the variable is D, D when it is N, both when it is P (bits in training, or after it for delta_ptq). With D/N
/// the product N D is held fixed by regression. delta is the loss above that of the unrounded runs of the same N, D and
/// seed. The interval comes from a Bayesian bootstrap over cells (runs that differ in their seed, or in what was done
/// to them afterwards, stay together), widened by sqrt(m/(m - k)) t/z for k constants in m cells, t that of Student; p
/// from permutations within strata that keep the rows of a run together (Freedman and Lane, Journal of Business &
/// Economic Statistics 1, 1983).
///
/// throws   Error where the runs cannot say (lacking_for_trend), Failure where no resample had a slope
Trend trend_of(const Claim& claim, const std::vector<law::RunPoint>& points, std::int64_t replicates, Stream stream);

/// Why no slope can be formed from these runs; empty when one can.
std::string lacking_for_trend(const Claim& claim, const std::vector<law::RunPoint>& points);

}  // namespace vernier::fit
