// Products of all members of a cohort at once, where their operands are alike.
//
// Axes: K cohort member, R row (one token), I input, O output.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "model/rounding.h"

namespace vernier::model {

/// Whether the members' products can be formed at once: there are several, none has an estimator or a rotation of its
/// own, and the operands of each product have one carrier and scales of one shape (quant::alike).
bool stacks(const LinearNumbers& numbers, const std::vector<Rules>& rules, bool on_cpu);

/// rounded_linear (model/linear.h) of members that stack and learn no scale; each gives what it gives alone.
at::Tensor stacked_linear(const at::Tensor& x_KRI, const at::Tensor& w_KOI, const LinearNumbers& numbers,
                          const std::vector<Rules>& rules, const std::string& name);

}  // namespace vernier::model
