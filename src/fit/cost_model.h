// What a multiply costs in each format, as measured by the user.
#pragma once

#include <string>
#include <vector>

namespace vernier::fit {

struct FormatCost {
  std::string format;  ///< a number format, or a name that stands in the labels of the fit
  double cost = 1;     ///< of a multiply, one of 16 bits being 1
  std::string place;   ///< file:line
};

/// Reads FILE: YAML (`int8: 0.55`, one line for each format) or, where its name ends in .csv, a table with the columns
/// format and cost. Throws one Error with every problem, each with file, line, what was found and what was expected: a
/// format given twice, a cost that is not a positive finite number, no format at all, a file that is neither.
std::vector<FormatCost> read_costs(const std::string& file);

}  // namespace vernier::fit
