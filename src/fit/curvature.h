// How sharply the data bend the objective around an optimum, and which parameters they leave free there.
#pragma once

#include <optional>
#include <vector>

#include "fit/freedom.h"

namespace vernier::fit {

struct Curvature {
  std::optional<double> condition;  ///< of J^T J, columns scaled to unit length; absent when singular
  /// Per variable: it takes part in a direction along which no prediction changes, so that other values fit exactly as
  /// well. A bootstrap does not see this: every replicate has the same direction.
  std::vector<bool> free;
  /// Per variable: those that make up for a change of it, most first, so that predictions change least.
  std::vector<std::vector<int>> with;
};

/// J holds the derivatives of the log residuals by the variables that lie inside their bounds.
Curvature curvature(const Problem& problem, const Freedom& freedom, const std::vector<int>& rows,
                    const std::vector<double>& theta);

/// How much each row pulls its own prediction, from 0 to 1: the diagonal of J (J^T J)^-1 J^T.
std::vector<double> leverages(const Problem& problem, const Freedom& freedom, const std::vector<int>& rows,
                              const std::vector<double>& theta);

}  // namespace vernier::fit
