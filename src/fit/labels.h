// What the rounding of a run is called, for laws with one constant per precision.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "law/point.h"
#include "record/run_spec.h"

namespace vernier::fit {

inline constexpr std::string_view kBaseline = "baseline";

/// The part that a number string describes; throws Error where it describes none.
law::Part part_of(const std::string& number);

/// "int4/channel int4/tensor int4/tensor" (weights, activations, kv), with "attention=..." and "gradients=..." after it
/// where these are rounded, and "rounding=...", "estimator=...", "rotation=..." and the like where they are not the
/// usual ones; "baseline" when nothing is.
std::string precision_label(const NumbersSpec& numbers);

/// The same for a point of foreign data, from its parts: their number strings, or their bits where those have no name.
std::string precision_label(const law::RunPoint& point);

/// A short name for each label, all different: "int4" where all parts have that format and no other label would have
/// the same short name, else the label.
std::map<std::string, std::string> short_names(const std::vector<std::string>& labels);

/// The label among `known` that describes the same rounding as `point`: the same label, else the only one with the same
/// formats, else the only one with the same bits in every part. Empty when none or several do.
std::string matching_label(const std::vector<std::string>& known, const law::RunPoint& point);

/// Bits of every part of a label, absent where the parts differ or have none.
std::optional<double> common_bits(const std::string& label);

}  // namespace vernier::fit
