#include "data/moments.h"

#include <cmath>

namespace vernier::data {

Moments moments_of(const std::vector<double>& values) {
  const double count = static_cast<double>(values.size());
  Moments moments;
  for (const double value : values) moments.mean += value / count;
  double squares = 0;
  for (const double value : values) squares += (value - moments.mean) * (value - moments.mean);
  moments.standard_error = values.size() < 2 ? 0 : std::sqrt(squares / (count - 1) / count);
  return moments;
}

}  // namespace vernier::data
