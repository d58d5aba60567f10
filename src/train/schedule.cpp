#include "train/schedule.h"

#include <algorithm>
#include <cmath>

namespace vernier::train {

double trunk_rate(double top, std::int64_t step, std::int64_t warmup_steps) {
  if (warmup_steps <= 0) return top;
  return top * std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup_steps));
}

double branch_rate(double top, std::int64_t step, std::int64_t leave, std::int64_t end) {
  return top * (1 - std::sqrt(static_cast<double>(step - leave) / static_cast<double>(end - leave)));
}

}  // namespace vernier::train
