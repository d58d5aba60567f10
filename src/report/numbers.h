// Numbers as a reader wants them: few digits, units a person knows, intervals with as many digits as they deserve.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fit/summary.h"
#include "record/run_record.h"

namespace vernier::report {

/// 25312 -> "25.3k", 4.2e6 -> "4.2M", 3e9 -> "3B"; three significant digits.
std::string count(double value);

/// Four significant digits; plain between 1e-4 and 1e6, else with an exponent.
std::string digits(double value);

/// The value with decimals enough for two digits of `width`; digits(value) where `width` is absent, zero or not finite.
std::string to_width(double value, std::optional<double> width);

/// "1.234 (1.20 to 1.27)"; the value alone where there is no interval, "at least"/"at most" where it is one-sided.
std::string with_interval(const fit::Interval& interval);

/// A share as percent: 0.00123 -> "0.12 %".
std::string percent(double share);

/// 512.3 -> "8 min 32 s".
std::string duration(double seconds);

/// The error on held-out runs, where there is one [1].
std::optional<double> holdout_error(const fit::FitSummary& fit);

/// Hold-out errors closer than this ratio do not choose between laws.
inline constexpr double kCloseErrors = 1.2;

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& items);

/// "1 run", "3 runs".
std::string counted(std::size_t number, std::string_view noun);

/// "2 layers of width 64, int4, 1.05M tokens, seed 1 (0123456789abcdef)": a run in words.
std::string described(const StoredRun& run);

}  // namespace vernier::report
