// Bytes for people.
#pragma once

#include <fmt/format.h>

#include <string>

namespace vernier::plan {

inline std::string size_text(double bytes) {
  return bytes < 1e6   ? fmt::format("{:.0f} kB", bytes / 1e3)
         : bytes < 1e9 ? fmt::format("{:.0f} MB", bytes / 1e6)
                       : fmt::format("{:.1f} GB", bytes / 1e9);
}

}  // namespace vernier::plan
