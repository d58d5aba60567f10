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
constexpr double kLongEnough = 3;  // seconds of a cohort's own speed; a bit of it says less than that of all before

}  // namespace

std::string line_of(const Moment& m) {
  std::string line = fmt::format("progress share={:.4f} cohort=\"{}\" step={} tokens_per_second={:.0f}", m.share,
                                 m.cohort, m.step, m.tokens_per_second);
  if (m.peak_share) line += fmt::format(" peak_share={:.4f}", *m.peak_share);
  if (m.left_cohort) line += fmt::format(" left_cohort_s={:.0f}", *m.left_cohort);
  if (m.left) line += fmt::format(" left_s={:.0f}", *m.left);
  return line + fmt::format(" elapsed_s={:.0f}", m.elapsed);
}

std::string bar_of(const Moment& m) {
  constexpr int kWidth = 24;
  const int full = static_cast<int>(m.share * kWidth);
  std::string text = fmt::format("[{:=<{}}{: <{}}] {:5.1f} %  {}  {:.0f}k tokens/s", "", full, "", kWidth - full,
                                 100 * m.share, m.cohort, m.tokens_per_second / 1e3);
  if (m.peak_share) text += fmt::format(", {:.0f} % of peak", 100 * *m.peak_share);
  if (m.left_cohort) text += fmt::format("  left {}", clock_text(*m.left_cohort));
  if (m.left) text += fmt::format(" of this cohort, {} of all", clock_text(*m.left));
  return text;
}

Progress::Progress(double work, std::function<double()> peak)
    : total_(work), ask_peak_(std::move(peak)), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (done_ > 0) show(true);
}

void Progress::doing(std::string cohort, double work) {
  cohort_ = std::move(cohort);
  cohort_total_ = work;
  cohort_done_ = 0;
  step_ = 0;
  cohort_start_ = Clock::now();
}

void Progress::advanced(const Advance& advance) {
  step_ = advance.step;
  tokens_ += advance.tokens;
  flops_ += advance.flops;
  done_ += advance.work;
  cohort_done_ += advance.work;
  if (seconds_between(shown_, Clock::now()) >= (terminal_ ? kTerminalInterval : kLineInterval)) show(false);
}

void Progress::skipped(double work) {
  total_ -= work;
  cohort_total_ -= work;
}

void Progress::make_way() const {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

Moment Progress::moment() {
  const auto now = Clock::now();
  Moment moment{.cohort = cohort_, .step = step_, .peak_share = {}, .left_cohort = {}, .left = {}};
  const double interval = std::max(1e-3, seconds_between(shown_, now));
  moment.elapsed = seconds_between(start_, now);
  moment.share = total_ > 0 ? std::clamp(done_ / total_, 0.0, 1.0) : 1.0;
  moment.tokens_per_second = tokens_ / interval;
  const double in_cohort = seconds_between(cohort_start_, now);
  const double rate = done_ / std::max(1e-3, moment.elapsed);
  const double rate_here = in_cohort > kLongEnough ? cohort_done_ / in_cohort : rate;
  if (done_ <= 0 || rate_here <= 0) return moment;
  moment.left_cohort = std::max(0.0, cohort_total_ - cohort_done_) / rate_here;
  moment.left = *moment.left_cohort + std::max(0.0, total_ - done_ - (cohort_total_ - cohort_done_)) / rate;
  return moment;
}

void Progress::show(bool last) {
  const double flops_per_second = flops_ / std::max(1e-3, seconds_between(shown_, Clock::now()));
  Moment now = moment();
  if (!peak_ && !last) peak_ = ask_peak_ ? ask_peak_() : 0.0;  // what runs for a blink measures nothing
  if (peak_ && *peak_ > 0) now.peak_share = flops_per_second / *peak_;
  if (terminal_)
    fmt::print(stderr, "\r\033[K{}{}", bar_of(now), last ? "\n" : "");
  else
    fmt::print(stderr, "{}\n", line_of(now));
  std::fflush(stderr);
  tokens_ = flops_ = 0;
  shown_ = Clock::now();
}

}  // namespace vernier::sweep
