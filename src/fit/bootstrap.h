// How far the estimates would move had other runs of the same kind been made.
#pragma once

#include "fit/search.h"

namespace vernier::fit {

/// Parameter vectors, in the units of the problem, of `replicates` resamples; those without a finite optimum are left
/// out.
///
/// The Bayesian bootstrap (Rubin, "The Bayesian bootstrap", 1981) over cells, stratified by shape: a cell, the runs of
/// one N, D and precision, counts an exponentially distributed number of times, more widely the more it pulls the fit,
/// and the cells of one N as often as there are. Unlike draws with replacement it never loses a precision or the
/// largest runs, and it covers as promised where runs are few (tests/verification/coverage_test.cpp). Each replicate is
/// optimised anew from the optimum of all runs, from other local optima and from fresh draws.
std::vector<std::vector<double>> bootstrap(const Problem& problem, const Setting& setting, const Search& found,
                                           double delta, std::int64_t replicates, Stream stream, std::int64_t threads);

}  // namespace vernier::fit
