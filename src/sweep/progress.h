// Progress on stderr: a bar on a terminal, elsewhere lines of key=value pairs that a script can read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace vernier::sweep {

/// What is said about a sweep at one moment.
struct Moment {
  double share = 0;                   ///< of all work, done
  std::string cohort;                 ///< being trained
  std::int64_t step = 0;              ///< that it has reached
  double tokens_per_second = 0;       ///< summed over members, since the last moment
  std::optional<double> peak_share;   ///< of the FLOP/s of a large fp32 product; absent where its rate is not known
  std::optional<double> left_cohort;  ///< [s], absent until something was done
  std::optional<double> left;         ///< of the whole sweep [s]
  double elapsed = 0;                 ///< [s]
};

/// progress share=0.1234 cohort="depth 4 width 128, 8 members" step=120 tokens_per_second=... peak_share=...
/// left_cohort_s=... left_s=... elapsed_s=...; what is absent is left out.
std::string line_of(const Moment& moment);

/// A bar of text for a terminal.
std::string bar_of(const Moment& moment);

/// What was done since the last call.
struct Advance {
  std::int64_t step = 0;  ///< reached
  double tokens = 0;      ///< summed over members
  double work = 0;        ///< in the unit of the whole
  double flops = 0;
};

class Progress {
 public:
  /// `work` is what lies ahead, over all cohorts and members, in any unit. `peak` gives FLOP/s of this machine and is
  /// asked once, when a speed is first shown.
  Progress(double work, std::function<double()> peak);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What is being trained from now on, and the work that it is.
  void doing(std::string cohort, double work);
  void advanced(const Advance& advance);
  /// Work of the present cohort that turned out not to be needed.
  void skipped(double work);
  /// Clears the bar, so that a message can take its line.
  void make_way() const;

 private:
  using Clock = std::chrono::steady_clock;
  Moment moment();
  void show(bool last);

  double total_, done_ = 0, cohort_total_ = 0, cohort_done_ = 0;
  double tokens_ = 0, flops_ = 0;  ///< since the last moment
  std::function<double()> ask_peak_;
  std::optional<double> peak_;
  bool terminal_;
  std::string cohort_;
  std::int64_t step_ = 0;
  Clock::time_point start_ = Clock::now(), shown_ = start_, cohort_start_ = start_;
};

}  // namespace vernier::sweep
