// What the JSON of this room is made of.
#pragma once

#include <optional>
#include <string>

#include "density/densing.h"
#include "fit/summary.h"
#include "record/archive.h"

namespace vernier::density {

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

inline Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// {value, lo, hi}, or null.
inline Json interval_or_null(const std::optional<fit::Interval>& interval) {
  if (!interval) return nullptr;
  return {{"value", interval->value}, {"lo", value_or_null(interval->lo)}, {"hi", value_or_null(interval->hi)}};
}

/// "densing_law" in CONTRACTS.md.
Json to_json(const DensingLaw& law);

}  // namespace vernier::density
