#include "sweep/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace vernier::sweep {

namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

constexpr double kTerminalInterval = 0.2, kLineInterval = 10;  // [s]

}  // namespace

Progress::Progress(double work) : total_(work), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (done_ > 0) show(true);
}

void Progress::advanced(std::int64_t tokens, double work) {
  tokens_ += static_cast<double>(tokens);
  done_ += work;
  if (seconds_between(shown_, Clock::now()) >= (terminal_ ? kTerminalInterval : kLineInterval)) show(false);
}

void Progress::show(bool last) {
  const auto now = Clock::now();
  const double rate = (tokens_ - tokens_shown_) / std::max(1e-3, seconds_between(shown_, now));
  const double share = total_ > 0 ? std::clamp(done_ / total_, 0.0, 1.0) : 1.0;
  const double elapsed = seconds_between(start_, now), left = share > 0 ? elapsed * (1 - share) / share : 0;
  const std::string text = fmt::format("{:5.1f} %  {}  {:.0f}k tokens/s  {} elapsed, {} left", 100 * share, what_,
                                       rate / 1e3, clock_text(elapsed), clock_text(left));
  if (terminal_) {
    constexpr int kWidth = 30;
    const int full = static_cast<int>(share * kWidth);
    fmt::print(stderr, "\r\033[K[{:=<{}}{: <{}}] {}{}", "", full, "", kWidth - full, text, last ? "\n" : "");
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  tokens_shown_ = tokens_;
  shown_ = now;
}

}  // namespace vernier::sweep
