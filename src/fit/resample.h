// How often each run counts in a replicate of the bootstrap.
#pragma once

#include "base/stream.h"
#include "fit/freedom.h"

namespace vernier::fit {

using Times = std::vector<std::vector<double>>;  ///< [replicates, rows of the problem]

/// The Bayesian bootstrap (Rubin, "The Bayesian bootstrap", 1981) over cells, stratified by shape: a cell, the runs of
/// one N, D and precision, counts an exponentially distributed number of times, more widely the more it pulls the fit
/// at `theta`, and the cells of one N as often as there are. Unlike draws with replacement it never loses a precision
/// or the largest runs, and it covers as promised where runs are few (tests/verification/coverage_test.cpp).
Times drawn_times(const Problem& problem, const Setting& setting, const std::vector<double>& theta,
                  std::int64_t replicates, const Stream& stream);

}  // namespace vernier::fit
