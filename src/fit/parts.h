// From number strings, bits and names of others to the parts of a model as laws see them.
#pragma once

#include <optional>
#include <string>

#include "law/point.h"
#include "record/run_spec.h"

namespace vernier::fit {

/// How many elements share a scale that is not a block's [1]; NaN where the shape of the matrix is not known.
struct ElementsPerScale {
  double row = law::kUnknown;     ///< of a scale per channel or token
  double tensor = law::kUnknown;  ///< of one scale for all
};

/// The part that a number string describes, with its error on normal numbers (format/gaussian.h). Throws Error where it
/// describes none.
law::Part part_of(const std::string& number, const ElementsPerScale& elements = {});

/// Data that state bits alone: the evenly spaced levels of so many bits at their best scale; 16 bits or more are not
/// rounded.
law::Part part_of_bits(double bits);

/// A format as others call it: one of ours, else known by its name alone, its bits absent or as given. Words for "not
/// rounded" (none, NoQuantizer, bf16, fp16, fp32 and the like, in any case) give a part that is not. Throws Error for a
/// word with '/' or ':' that is no number of ours, and for a bare number.
law::Part foreign_part(const std::string& name, std::optional<double> bits, const ElementsPerScale& elements = {});

/// Fills the parts and labels of a point from a run's number strings. `width` and `batch_tokens`, the channels of the
/// residual stream and the tokens of a step, say how many elements share a scale: a row of `width` (the fan-in of all
/// projections but the second of the mlp, whose rows are longer), a weight matrix of width^2, an activation of width x
/// batch_tokens. NaN where they are not known. Throws Error for a number string that is none.
void describe(law::RunPoint& point, const NumbersSpec& numbers, double width = law::kUnknown,
              double batch_tokens = law::kUnknown);

/// Of a weight matrix that is as high as wide.
ElementsPerScale elements_of_weights(double width);

}  // namespace vernier::fit
