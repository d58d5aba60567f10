// --set key.path=value: one key of a YAML document replaced.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vernier::plan {

/// The keys of a path: "grid.tokens[0]" and "grid.tokens.0" are grid, tokens, 0.
std::vector<std::string> keys_of(std::string_view path);

/// The document with one override applied; `document` itself stays as it is (an anchor's other uses too). Keys that are
/// absent are added, so that a strict reader can say whether they exist; a list has only the indices that it has, and
/// one past its end. What comes from the override has no place in the file. Adds to `problems` what cannot be applied.
YAML::Node with_override(const YAML::Node& document, const std::string& assignment, Problems& problems);

}  // namespace vernier::plan
