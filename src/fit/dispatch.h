// From a law's name to its type.
#pragma once

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "law/laws.h"

namespace vernier::fit {

template <class... Law>
std::vector<std::string_view> names_of_laws(std::tuple<Law...>*) {
  return {Law::name...};
}

[[noreturn]] inline void refuse_law(std::string_view name) {
  const auto available = names_of_laws(static_cast<law::Laws*>(nullptr));
  throw Error(fmt::format("no law is called '{}'; available: {}", name, fmt::join(available, ", ")));
}

/// visit.template operator()<Law>() for the law of that name; throws Error where there is none.
template <std::size_t i = 0, class Visit>
auto with_law(std::string_view name, Visit&& visit) -> decltype(visit.template operator()<law::Chinchilla>()) {
  if constexpr (i < std::tuple_size_v<law::Laws>) {
    using Law = std::tuple_element_t<i, law::Laws>;
    if (Law::name == name) return visit.template operator()<Law>();
    return with_law<i + 1>(name, std::forward<Visit>(visit));
  } else {
    refuse_law(name);
  }
}

}  // namespace vernier::fit
