// What `vernier density` prints for people.
#pragma once

#include "density/analysis.h"

namespace vernier::app {

/// Tables and sentences on stdout.
void print_density(const density::Analysis& analysis, const density::Request& request);

}  // namespace vernier::app
