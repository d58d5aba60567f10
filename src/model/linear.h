// Products of rounded operands, and rounded tensors between them.
//
// Axes: K cohort member, R row (one token), I input, O output.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "model/rounding.h"

namespace vernier::model {

/// ln of the learned scales of both operands, [K, scales]; undefined where a member learns none.
struct LearnedScales {
  at::Tensor weights, activations;
};

/// y = round(x) round(w)^T for every member, in the carrier that holds both operands (quant/carrier.h).
///
/// x_KRI, w_KOI -> [K, R, O];  `name` of the matrix, on which stochastic draws depend.
/// Backward: the gradient of y is rounded for each of its two products on its own, by rows that the product keeps and
/// along the contracted axis (outputs for the inputs' gradient, tokens for the weights'); the other operand is the
/// rounded one of the forward pass. What reaches x and w is the estimator's to say.
/// With a rotation the operands of the forward product are turned along I before they are rounded, and a rounded
/// gradient, with its partner, along the axis that its product contracts.
at::Tensor rounded_linear(const at::Tensor& x_KRI, const at::Tensor& w_KOI, const LinearNumbers& numbers,
                          const std::vector<Rules>& rules, const std::string& name, const LearnedScales& scales = {});

/// Every member's part rounded on its own grid, the last axis holding the columns of a matrix; the estimator's
/// gradient.
at::Tensor rounded(const at::Tensor& x_K, const MemberNumbers& numbers, const std::vector<Rules>& rules,
                   const std::string& name, const at::Tensor& log_scale = {});

}  // namespace vernier::model
