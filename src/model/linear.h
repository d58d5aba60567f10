// Products of rounded operands, with the gradient passed straight through the rounding.
//
// Axes: K cohort member, R row (one token), I input, O output.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "format/number.h"

namespace vernier::model {

/// The numbers of one part, one per cohort member: members of different formats share a cohort.
using MemberNumbers = std::vector<Number>;

/// How the operands of one matrix product are rounded.
struct LinearNumbers {
  MemberNumbers weights, activations;
  MemberNumbers gradients;  ///< of the output, before both backward products
};

/// y = round(x) round(w)^T for every member. The product is formed on unscaled grid values; scales per tensor, token
/// and channel are applied to its fp32 result (DESIGN.md, section 3), so that rounding adds no error of its own to it.
/// Blocks have scales inside the contraction and are dequantized before it.
///
/// x_KRI, w_KOI -> [K, R, O].  Backward: the rounded operands are what the gradient sees, and it passes straight
/// through both roundings (Bengio et al., arXiv 1308.3432; forward rounding only, as in Kumar et al., arXiv
/// 2411.04330).
at::Tensor rounded_linear(const at::Tensor& x_KRI, const at::Tensor& w_KOI, const LinearNumbers& numbers);

/// Every member's part rounded on its own grid, the last axis holding the columns of a matrix; straight-through
/// gradient.
at::Tensor rounded(const at::Tensor& x_K, const MemberNumbers& numbers);

}  // namespace vernier::model
