// What the CUDA kernels of a block compute of one row, one pair and one element. Plain functions without a thread in
// sight, so that a CPU runs them too: tests/model/cuda_rows_test.cpp holds them against the CPU kernels where there is
// no GPU.
//
// A row is shared by a team of neighbouring threads, its lanes: lane l takes the elements l, l + lanes, ...
#pragma once

#include <cmath>
#include <cstdint>

#include "format/scale_search.h"

namespace vernier::model::cuda {

struct Lane {
  std::int64_t index, lanes;
};

/// This lane's part of the sum of a[i] b[i].
VERNIER_BOTH inline float lane_dot(const float* a, const float* b, std::int64_t count, Lane lane) {
  float sum = 0;
  for (std::int64_t i = lane.index; i < count; i += lane.lanes) sum += a[i] * b[i];
  return sum;
}

// ---- normalisation

VERNIER_BOTH inline float inverse_rms(float squares, std::int64_t width, float epsilon) {
  return 1.0F / std::sqrt(squares / static_cast<float>(width) + epsilon);
}

/// The part of a gradient along x that y = x r, r = inverse_rms, takes away, from the sum of g x.
VERNIER_BOTH inline float shrinkage(float along, float r, std::int64_t width) {
  return along * r * r / static_cast<float>(width);
}
VERNIER_BOTH inline float normed_gradient(float g, float x, float r, float shrink) { return r * (g - x * shrink); }

/// This lane's part of the sum of g gain x.
VERNIER_BOTH inline float lane_along(const float* g, const float* gain, const float* x, std::int64_t count, Lane lane) {
  float sum = 0;
  for (std::int64_t i = lane.index; i < count; i += lane.lanes) sum += g[i] * gain[i] * x[i];
  return sum;
}

/// Rows [first, last) of the gradient of one channel's gain.
VERNIER_BOTH inline float gain_gradient(const float* g, const float* x, const float* r, std::int64_t width,
                                        std::int64_t first, std::int64_t last) {
  float sum = 0;
  for (std::int64_t row = first; row < last; ++row) sum += g[row * width] * x[row * width] * r[row];
  return sum;
}

// ---- pairs: gate and up, or the two halves of a head

struct Pair {
  float a, b;
};

VERNIER_BOTH inline float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }
VERNIER_BOTH inline float swiglu(Pair gate_up) { return gate_up.a * sigmoid(gate_up.a) * gate_up.b; }
VERNIER_BOTH inline Pair swiglu_gradient(float g, Pair gate_up) {
  const float s = sigmoid(gate_up.a);
  return {g * gate_up.b * s * (1.0F + gate_up.a * (1.0F - s)), g * gate_up.a * s};
}

/// A pair turned by an angle; back by the sine's negative.
VERNIER_BOTH inline Pair turned(Pair x, float cosine, float sine) {
  return {x.a * cosine - x.b * sine, x.b * cosine + x.a * sine};
}
VERNIER_BOTH inline Pair pair_of(const float* x, std::int64_t i, std::int64_t half) { return {x[i], x[half + i]}; }

/// This lane's part of the sums of one head: of x^2, and of g x with g turned back.
VERNIER_BOTH inline Pair lane_of_head(const float* g, const float* x, const float* cosine, const float* sine,
                                      std::int64_t half, Lane lane) {
  Pair sums{0, 0};
  for (std::int64_t i = lane.index; i < half; i += lane.lanes) {
    const Pair at = pair_of(x, i, half), back = turned(pair_of(g, i, half), cosine[i], -sine[i]);
    sums.a += at.a * at.a + at.b * at.b;
    sums.b += back.a * at.a + back.b * at.b;
  }
  return sums;
}

// ---- cross-entropy

/// This lane's largest element; a NaN is never larger, and shows in the sum.
VERNIER_BOTH inline float lane_largest(const float* x, std::int64_t count, Lane lane) {
  float largest = x[0];
  for (std::int64_t i = lane.index; i < count; i += lane.lanes) largest = largest < x[i] ? x[i] : largest;
  return largest;
}

/// This lane's part of the sum of e^(x - top).
VERNIER_BOTH inline float lane_exponentials(const float* x, std::int64_t count, float top, Lane lane) {
  float sum = 0;
  for (std::int64_t i = lane.index; i < count; i += lane.lanes) sum += std::exp(x[i] - top);
  return sum;
}
VERNIER_BOTH inline float log_of_sum(float top, float sum) { return top + std::log(sum); }

/// Gradient of a logit, weighted by that of its row's loss.
VERNIER_BOTH inline float logit_gradient(float logit, float log_sum, float loss_gradient, bool is_target) {
  const float share = std::exp(logit - log_sum) * loss_gradient;
  return is_target ? share - loss_gradient : share;
}

}  // namespace vernier::model::cuda
