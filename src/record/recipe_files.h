// The files of configs/recipes, which the program carries inside.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vernier {

/// Name, as seen from the top of the source tree, and text of every file.
std::vector<std::pair<std::string, std::string>> recipe_files();

}  // namespace vernier
