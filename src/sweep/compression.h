// Smaller models made of trained ones, for the runs of an experiment that asks for them.
#pragma once

#include "plan/compression.h"
#include "sweep/wave.h"

namespace vernier::sweep {

/// True where a stored run of the cohort lacks rows of compressed.csv that the experiment asks for.
bool lacks_compressed(const std::optional<plan::Compression>& compression, const plan::Cohort& cohort,
                      const store::Store& store);

/// Makes them from the checkpoints of the runs, as many at a time as the machine has threads, and adds each to its run
/// as soon as it is there; how many. Throws Interrupted between two steps when the site's `stop` becomes true, and
/// Error where a checkpoint cannot be read.
std::int64_t add_compressed(const std::optional<plan::Compression>& compression, const plan::Cohort& cohort,
                            const Site& site);

}  // namespace vernier::sweep
