// A choice is an enum and one table of named rows; this is the one look-up for all of them.
#pragma once

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vernier {

template <class Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& row : table) names.push_back(row.name);
  return names;
}

/// The row of `table` whose `name` is `name`. Throws Error "no <kind> is called '<name>'; known: ...".
template <class Table>
const auto& row_named(std::string_view kind, const Table& table, std::string_view name) {
  const auto found =
      std::find_if(std::begin(table), std::end(table), [&](const auto& row) { return row.name == name; });
  if (found == std::end(table))
    throw Error(fmt::format("no {} is called '{}'; known: {}", kind, name, fmt::join(names_of(table), ", ")));
  return *found;
}

/// For static_assert: no two rows of a table share a name.
template <class Table>
constexpr bool names_differ(const Table& table) {
  for (auto a = std::begin(table); a != std::end(table); ++a)
    for (auto b = std::next(a); b != std::end(table); ++b)
      if (a->name == b->name) return false;
  return true;
}

}  // namespace vernier
