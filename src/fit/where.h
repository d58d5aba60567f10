// The row selection of `--where`: comparisons of a column with a number or a text, joined by && and ||.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vernier::fit {

/// One comparison; `text` is compared as a number where both sides are numbers, else as text (== and != only).
struct Comparison {
  std::string column, sign, text;
};

/// Alternatives (||) of conjunctions (&&); empty selects everything.
using Condition = std::vector<std::vector<Comparison>>;

/// Throws Error where a comparison cannot be read. Quotes around a text, single or double, are dropped.
Condition parse_where(const std::string& text);

/// `value_of` gives the text of a column in this row, absent where it is missing; a missing value satisfies only `!=`.
/// Throws Error for an order comparison with a text.
bool holds(const Condition& condition, const std::function<std::optional<std::string>(const std::string&)>& value_of);

}  // namespace vernier::fit
