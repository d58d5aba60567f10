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

/// "int4/channel int4/tensor int4/tensor" (weights, activations, kv), with "attention=..." and "gradients=..." after it
/// where these are rounded, and "rounding=...", "estimator=...", "rotation=..." and the like where they are not the
/// usual ones; "baseline" when nothing is.
std::string precision_label(const NumbersSpec& numbers);

/// What is rounded in the forward pass alone: precision_label without gradients.
std::string forward_label(const NumbersSpec& numbers);

/// What is rounded in the backward pass alone: "e5m2/tensor", with "input_gradients=..." and "weight_gradients=..." in
/// its place where these differ, and "rounding=..." after it where that is not to nearest.
std::string backward_label(const NumbersSpec& numbers);

/// The same for a point of foreign data, from its parts: their number strings, or their bits where those have no name;
/// "gradients=..." with what `backward` says comes last.
std::string precision_label(const law::RunPoint& point);
std::string forward_label(const law::RunPoint& point);

/// How a label calls one part.
std::string part_label(const law::Part& part);

/// A short name for each label, all different: "int4" where all parts have that format and no other label would have
/// the same short name, else the label.
std::map<std::string, std::string> short_names(const std::vector<std::string>& labels);

/// The label among `known` that describes the same rounding as `point`: the same label, else the only one with the same
/// formats, else the only one with the same bits in every part. Empty when none or several do.
std::string matching_label(const std::vector<std::string>& known, const law::RunPoint& point);

/// Bits of every part of a label, absent where the parts differ or have none.
std::optional<double> common_bits(const std::string& label);

}  // namespace vernier::fit
