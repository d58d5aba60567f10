// Progress on stderr: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vernier::sweep {

class Progress {
 public:
  /// `work` is what lies ahead, over all cohorts and members, in any unit.
  explicit Progress(double work);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What is being trained, shown with the numbers.
  void doing(std::string what) { what_ = std::move(what); }
  /// Work done: tokens summed over members, and the work they were.
  void advanced(std::int64_t tokens, double work);
  /// Work that turned out not to be needed.
  void skipped(double work) { total_ -= work; }

 private:
  void show(bool last);

  using Clock = std::chrono::steady_clock;
  double total_, done_ = 0;
  double tokens_ = 0, tokens_shown_ = 0;
  bool terminal_;
  std::string what_;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
};

}  // namespace vernier::sweep
