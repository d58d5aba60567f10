// What a fit may move: from --fix, --tie and the data to the variables of the solver.
#pragma once

#include "fit/fit.h"
#include "fit/solver.h"

namespace vernier::fit {

/// Names of the symbols of a law in the order of LAWS.md; throws Error for an unknown law.
std::vector<std::string> symbols_of(std::string_view law);

/// True when a parameter is given whose value depends on the units of N and D, so that these must stay as they are.
bool fixes_scaled_parameter(std::string_view law, const FitOptions& options);

struct Setting {
  Freedom freedom;
  std::vector<double> theta;  ///< fixed parameters hold their values, others the lowest admissible
};

/// Throws Error for a fixed value outside the admissible range, an unknown symbol, a tie of coefficients. A symbol of
/// the law that acts on none of these runs may be named and is ignored.
Setting make_setting(std::string_view law, const Problem& problem, const FitOptions& options);

/// True for each point that lies outside the law even where the free parameters have their lowest admissible values,
/// which make every factor as large as it can be.
std::vector<bool> outside(const Problem& problem, const Setting& setting);

/// Every combination of options.start_grid, as parameters of the problem, values beyond a bound brought to it. Throws
/// Error for a name that is no free shape parameter of the law, and for a free shape parameter without values.
std::vector<std::vector<double>> start_points(std::string_view law, const Problem& problem, const Setting& setting,
                                              const FitOptions& options);

}  // namespace vernier::fit
