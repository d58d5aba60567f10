// Which numbers the parts of a model may have.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "record/run_spec.h"

namespace vernier::plan {

/// The parts whose numbers, rounding or estimator cannot be used as they stand, each with the reason. Weights have
/// scales per tensor, channel or block; activations, keys and values, operands of attention and gradients per tensor,
/// token or block; learned scales (lsq) need the estimator of that name.
std::vector<std::pair<std::string, std::string>> problems_by_part(const NumbersSpec& numbers);

/// Block of the rotation that is asked for; 0: none. Its name must be valid.
std::int64_t rotation_of(const NumbersSpec& numbers);

/// True when both round alike, however they are spelled (int4 is int4/tensor). Both must be valid.
bool same_numbers(const NumbersSpec& a, const NumbersSpec& b);

}  // namespace vernier::plan
