// Forms are competitors: all laws that the data allow, side by side, ranked by what they had not seen.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "fit/fit.h"

namespace vernier::fit {

/// A law that was not fitted, and why.
struct Skipped {
  std::string law, why;
};

struct EveryLaw {
  std::vector<FitSummary> fits;  ///< in the order of law_names()
  std::vector<Skipped> skipped;
};

/// The hold-outs of a comparison: the largest size, the most data, each precision in turn.
inline constexpr std::array<std::string_view, 3> kHoldouts{"largest_n:1", "largest_d:1", "unseen_precision"};

/// Fits every law, free_eff as the yardstick always among them, each to the rows of what it predicts; with the
/// hold-outs above, the first of which is `holdout` unless another was asked for. Constraints on symbols that a law
/// does not have do not bind it. Throws Error with all reasons where no law can be fitted.
EveryLaw fit_every_law(const std::vector<law::RunPoint>& points, const FitOptions& options);

/// Positions in `fits`, best first, of those that predict what the first one predicts: by the error on the runs held
/// out, laws that could not predict one of these after those that could, those without such an error by AIC at the end.
std::vector<std::size_t> ranking(const std::vector<FitSummary>& fits);

/// The first of the ranking, where its hold-out error is known or there is no other; empty otherwise.
std::string best_of(const std::vector<FitSummary>& fits);

/// One object per law in the order of the ranking: law, parameters (a count), rows, the error and the runs left outside
/// of each hold-out, aic, bic, yardstick.
Json ranking_json(const std::vector<FitSummary>& fits);

}  // namespace vernier::fit
