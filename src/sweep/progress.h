// Progress on stderr: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vernier::sweep {

class Progress {
 public:
  /// `flops` is the work ahead, over all cohorts and members.
  explicit Progress(double flops);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What is being trained, shown with the numbers.
  void doing(std::string what) { what_ = std::move(what); }
  /// Work done: tokens summed over members, and their FLOPs.
  void advanced(std::int64_t tokens, double flops);
  /// Work that turned out not to be needed.
  void skipped(double flops) { total_ -= flops; }

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
