// Causal attention of one head of one sequence, in blocks of queries: scores live in cache only, and the backward pass
// forms them again from the logarithms of the sums (Dao, arXiv 2307.08691).
//
// Axes: T position, D channel of the head. Matrices [T, D] lie row after row.
#pragma once

#include <cstdint>

#include "model/cpu/products.h"

namespace vernier::model::cpu {

struct HeadSize {
  std::int64_t length, width;  ///< T and D
};

struct HeadInputs {
  const float *q, *k, *v;  ///< [T, D]
};

/// y = softmax(q k^T / sqrt(D)) v, and log_sum[t] = ln sum exp of the scores of row t.
void attend(const HeadInputs& in, const HeadSize& size, Rows<float> y, float* log_sum);

struct HeadGradients {
  float *q, *k, *v;  ///< [T, D]
};

/// Gradients of the inputs from that of y.
void attend_backward(const HeadInputs& in, const HeadSize& size, Rows<const float> y_gradient, const float* log_sum,
                     const HeadGradients& out);

}  // namespace vernier::model::cpu
