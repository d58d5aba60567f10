// The columns of a table that a fit looks at, under the names that --map may give to those of others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "law/symbol.h"

namespace vernier::fit {

/// "canonical=foreign,canonical=foreign" as a map; throws Error for an unknown canonical name or a malformed pair.
std::map<std::string, std::string> parse_map(const std::string& text);

/// Without one of each list nothing can be fitted that predicts `target`.
std::vector<std::vector<std::string>> needed_columns(law::Target target);

}  // namespace vernier::fit
