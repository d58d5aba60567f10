// One header for Catch2 2.13 (Debian 12) and 3.x. Include it last: LibTorch defines CHECK too, and the later wins.
#pragma once

#include <filesystem>
#include <iostream>

#undef CHECK
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
}  // namespace Catch::Matchers
#endif

/// The folder with outside data that lies beside the tree where there is one.
inline std::filesystem::path shared_folder() { return std::filesystem::path(VERNIER_SOURCE_DIR) / ".." / "shared"; }

/// Ends a test case, which ctest then lists as skipped, where `path` is absent.
#define SKIP_WITHOUT(path)                                     \
  if (!std::filesystem::exists(path)) {                        \
    std::cout << "SKIPPED: needs " << (path).string() << '\n'; \
    return;                                                    \
  }
