// Mean and standard error of what was measured several times.
#pragma once

#include <vector>

namespace vernier::data {

struct Moments {
  double mean = 0, standard_error = 0;
};

/// Mean of the values and its standard error, sqrt(sum (x - mean)^2 / (n - 1) / n); 0 of a single value. Two passes.
Moments moments_of(const std::vector<double>& values);

}  // namespace vernier::data
