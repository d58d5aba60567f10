// The tables and findings of what `density` measures by tasks and over recipes.
#pragma once

#include <vector>

#include "density/analysis.h"
#include "report/tables.h"

namespace vernier::report {

/// One row for each recipe with a density: date, densest and typical model.
Table recipes_table(const density::Analysis& analysis);
/// One row for each form of the reference law: errors on what was held out, and which was used.
Table forms_table(const density::Analysis& analysis);
/// One row for each precision: density, N_eff/N, their ratio, whether they are equal, how density moves with D.
Table meetings_table(const density::Analysis& analysis);
/// One row for each compressed model: density over that of what it was made of.
Table compression_table(const density::Analysis& analysis);
/// One row for each date: parameters and cost of inference that a result takes, and what a price buys.
Table outlook_table(const density::Analysis& analysis);

/// The findings in plain words, in the order of the page.
std::vector<Verdict> density_verdicts(const density::Analysis& analysis);

}  // namespace vernier::report
