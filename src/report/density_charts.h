// The charts of what `density` measures by tasks and over recipes: each is a function from an analysis to a Vega-Lite
// specification that carries its own data. One that has nothing to draw says why in its caption.
#pragma once

#include <vector>

#include "density/analysis.h"
#include "report/charts.h"

namespace vernier::report {

/// Score against conditional loss of the reference family's checkpoints, with the fitted sigmoid and its 90 % band.
Chart score_chart(const density::Analysis& analysis);

/// Density against the date of the recipe, logarithmic, with the line over the record holders and the flat one beside.
Chart dates_chart(const density::Analysis& analysis);

/// Density per stored bit against stored bits: models trained in a precision, and quantized afterwards.
Chart stored_bits_chart(const density::Analysis& analysis);

/// Score, or loss, against the bits of the whole model; the models that no smaller one equals are joined.
Chart frontier_chart(const density::Analysis& analysis);

/// Density against N_eff/N, one point for each precision.
Chart both_laws_chart(const density::Analysis& analysis);

/// Density over N_eff/N against tokens per parameter, a line for each precision: where the laws part.
Chart parting_chart(const density::Analysis& analysis);

/// Density of compressed models over that of what they were made of.
Chart compression_chart(const density::Analysis& analysis);

/// Parameters that a score takes, over time.
Chart outlook_chart(const density::Analysis& analysis);

/// Those that have something to draw or to explain, in the order of the page.
std::vector<Chart> density_charts(const density::Analysis& analysis);

}  // namespace vernier::report
