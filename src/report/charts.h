// The charts of the report: each is a function from a study to a Vega-Lite specification that carries its own data.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace vernier::report {

struct Chart {
  std::string id;  ///< of the element on the page
  std::string title;
  std::string caption;  ///< what is drawn and how to read it
  Json spec;            ///< null where there is nothing to draw; then `caption` says why
};

/// Loss while training, against tokens, of the unrounded runs, and of the runs at the fewest bits.
Chart unrounded_curves_chart(const Study& study);
Chart narrow_curves_chart(const Study& study);

/// Loss of the unrounded runs against N, a line for each D, and against D, a line for each N; lines from the reference
/// fit.
Chart loss_by_size_chart(const Study& study);
Chart loss_by_tokens_chart(const Study& study);

/// Loss above that of the unrounded twin (same N, D and seed), against D/N.
Chart penalty_chart(const Study& study);

/// N_eff/N against bits: a point for each format from `free_eff`, the curve of the best law in bits.
Chart share_chart(const Study& study);

/// Density, and density per stored bit, against bits: runs, the median of each format, and what the precision law
/// expects.
Chart density_chart(const Study& study);
Chart density_per_bit_chart(const Study& study);

/// Density against N_eff/N, one point for each format, with both intervals.
Chart meeting_chart(const Study& study);

/// Residuals of the precision law (of the reference where there is none) against predicted loss.
Chart residuals_chart(const Study& study);

/// All of them, in the order of the page.
std::vector<Chart> charts(const Study& study);

}  // namespace vernier::report
