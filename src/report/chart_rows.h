// What several charts need: groups of runs in order, and rows of data.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "report/report.h"

namespace vernier::report {

/// The distinct values, ascending.
std::vector<double> distinct(std::vector<double> values);

/// "25.3k" for each value, all different: more digits where three are not enough.
std::map<double, std::string> names_of_counts(const std::vector<double>& values);

/// The names of a map like that, in the order of the values.
std::vector<std::string> in_order(const std::map<double, std::string>& names);

/// Precision -> short name; the names in the order of `study.formats`.
std::map<std::string, std::string> format_names(const Study& study);
std::vector<std::string> format_order(const Study& study);

/// `number` values from a little below `low` to a little above `high`, equal steps of the logarithm.
std::vector<double> log_steps(double low, double high, int number);

/// A run's curve with at most `most` rows, equally spaced in log tokens; the last row is always kept.
Curve thinned(const Curve& curve, std::size_t most);

/// Mean entropy of the held-out tokens over the runs that know it; absent where none does [nats per token].
std::optional<double> known_entropy(const std::vector<StoredRun>& runs);

}  // namespace vernier::report
