#include "report/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace vernier::report {

std::string count(double value) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr std::array units{Unit{1e12, "T"}, Unit{1e9, "B"}, Unit{1e6, "M"}, Unit{1e3, "k"}};
  for (const auto& unit : units)
    if (std::abs(value) >= 0.9995 * unit.size) return fmt::format("{:.3g}{}", value / unit.size, unit.name);
  return fmt::format("{:.3g}", value);
}

std::string digits(double value) {
  const double size = std::abs(value);
  if (value != 0 && (size < 1e-4 || size >= 1e6)) return fmt::format("{:.3e}", value);
  return fmt::format("{:.4g}", value);
}

std::string to_width(double value, std::optional<double> width) {
  const double size = std::abs(value);
  if (!width || !(*width > 0) || !std::isfinite(*width) || (value != 0 && size < 1e-4) || size >= 1e5)
    return digits(value);
  const int decimals = std::clamp(1 - int(std::floor(std::log10(*width))), 0, 6);
  return fmt::format("{:.{}f}", value, decimals);
}

std::string with_interval(const fit::Interval& interval) {
  const double value = interval.value;
  const auto &lo = interval.lo, &hi = interval.hi;
  if (lo && hi)
    return fmt::format("{} ({} to {})", to_width(value, *hi - *lo), to_width(*lo, *hi - *lo), to_width(*hi, *hi - *lo));
  if (lo) return fmt::format("{} (at least {})", digits(value), digits(*lo));
  if (hi) return fmt::format("{} (at most {})", digits(value), digits(*hi));
  return digits(value);
}

std::string percent(double share) {
  const double value = 100 * share;
  return std::abs(value) >= 10 ? fmt::format("{:.0f} %", value) : fmt::format("{:.2g} %", value);
}

std::string duration(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{:.2g} s", seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::optional<double> holdout_error(const fit::FitSummary& fit) {
  return fit.holdout ? fit.holdout->rms_log : std::nullopt;
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  return text;
}

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string described(const StoredRun& run) {
  const auto& spec = run.spec;
  return fmt::format("{} layers of width {}, weights {}, {} tokens, seed {} ({})", spec.shape.depth, spec.shape.width,
                     spec.numbers.weights, count(double(spec.tokens)), spec.seed, run.id);
}

}  // namespace vernier::report
