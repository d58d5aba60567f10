// Runs that an experiment might make: those of its grid, and others of the same kind around them.
#pragma once

#include <vector>

#include "plan/experiment.h"
#include "record/run_spec.h"

namespace vernier::plan {

/// All of a run but its seed.
struct Candidate {
  std::size_t track = 0;  ///< candidates of one size and number have the same; with one seed they share a trunk
  RunSpec run;            ///< its seed is 0
  Steps steps;
  double flops_per_step = 0;  ///< forward and backward [FLOP]
};

struct Candidates {
  std::vector<Candidate> runs;
  std::vector<std::int64_t> seeds;  ///< that each may have, those of the grid first
};

/// Of the experiment's recipe, every size with every number of tokens and every number:
///
///   sizes    those of the grid, and others of about 2^k times the smallest N, from a quarter of it to four times the
///            largest: depth of the nearest size of the grid, width to match, heads by default_heads(), the learning
///            rate between those of its neighbours (a power of N)
///   tokens   those of the grid, and others of 2^k times the fewest up to four times the most, in whole steps, as many
///            as the corpus has
///   numbers  those of the grid, and their integer formats at 3 to 8 bits: all parts that share a bit width change
///            together, and keep signedness, granularity and scale
///   seeds    eight, or as many as the grid has
///
/// The corpus must have been opened.
Candidates candidates_of(const Experiment& experiment);

}  // namespace vernier::plan
