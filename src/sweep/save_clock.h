// When to save a state again.
#pragma once

#include <algorithm>
#include <chrono>

namespace vernier::sweep {

/// Due some seconds after the last save, later where a save takes long: saving takes a few percent of the time at most.
class SaveClock {
 public:
  explicit SaveClock(double seconds_between) : between_(seconds_between) {}

  bool due() const { return seconds_since(saved_) > std::max(between_, kTimesItsCost * cost_); }

  template <class Save>
  void timed(const Save& save) {
    const auto begin = Clock::now();
    save();
    cost_ = seconds_since(begin);
    saved_ = Clock::now();
  }

 private:
  static constexpr double kTimesItsCost = 40;
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }
  double between_, cost_ = 0;
  Clock::time_point saved_ = Clock::now();
};

}  // namespace vernier::sweep
