// Time spent, divided among those it was spent on.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "sweep/remainder.h"

namespace vernier::sweep {

class LapClock {
 public:
  /// Adds the time since the last call to the members in `active`, an equal share to each.
  void charge(std::vector<double>& seconds, const std::vector<bool>& active) {
    const auto now = Clock::now();
    const double share = std::chrono::duration<double>(now - last_).count() /
                         static_cast<double>(std::max<std::int64_t>(1, count(active)));
    for (std::size_t m = 0; m < seconds.size(); ++m)
      if (active[m]) seconds[m] += share;
    last_ = now;
  }
  /// Time until now is nobody's.
  void begin() { last_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
};

}  // namespace vernier::sweep
