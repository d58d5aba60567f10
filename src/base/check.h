// Argument checks that stay on in every build and name the place, the expectation and the value.
#pragma once

#include <cmath>

#include "base/error.h"

namespace vernier {

/// Adds "place: expected <expectation>, got <value>" to `problems` unless `holds`.
template <class Value>
void expect(Problems& problems, bool holds, std::string_view place, std::string_view expectation, const Value& value) {
  if (!holds) problems.push_back(fmt::format("{}: expected {}, got {}", place, expectation, value));
}

inline void expect_positive(Problems& problems, std::string_view place, double value) {
  expect(problems, std::isfinite(value) && value > 0, place, "a positive finite number", value);
}

inline void expect_share(Problems& problems, std::string_view place, double value) {
  expect(problems, value >= 0 && value <= 1, place, "a share from 0 to 1", value);
}

}  // namespace vernier
