// What may be wrong with a value of a row, in words.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace vernier::fit {

inline bool is_positive(const std::optional<double>& value) { return value && std::isfinite(*value) && *value > 0; }

inline std::string not_positive(std::string_view what, const std::optional<double>& value) {
  if (!value) return fmt::format("{} is missing", what);
  return fmt::format("{} is {}, expected a positive finite number", what, *value);
}

}  // namespace vernier::fit
