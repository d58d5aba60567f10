// The fit that an experiment asks for.
#pragma once

#include "fit/fit.h"
#include "plan/experiment.h"

namespace vernier::plan {

/// `fit:` of an experiment as options of fit/fit.h.
fit::FitOptions fit_options_of(const Experiment& experiment);

/// The laws of `fit:`, with "all" resolved.
std::vector<std::string> fit_laws_of(const Experiment& experiment);

}  // namespace vernier::plan
