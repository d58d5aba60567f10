#include "model/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "model/cpu/kernels.h"
#include "model/cpu/scratch.h"

namespace vernier::model::cpu {

namespace {

/// Queries of a block: half the scores of the blocks on the diagonal are in vain, and thin blocks multiply slower.
std::int64_t queries_of_block(std::int64_t length) { return length >= 256 ? 64 : 32; }

/// Calls `block(first query, queries, keys that they see)`.
template <class Block>
void over_queries(std::int64_t length, const Block& block) {
  const std::int64_t step = queries_of_block(length);
  for (std::int64_t first = 0; first < length; first += step) {
    const std::int64_t queries = std::min(step, length - first);
    block(first, queries, first + queries);
  }
}

float largest_of(const float* x, std::int64_t count) {
  float top = x[0];
#pragma omp simd reduction(max : top)
  for (std::int64_t i = 0; i < count; ++i) top = std::max(top, x[i]);
  return top;
}

/// Scores of the first `visible` keys become exp(score * factor - shift), those of the rest 0; returns the sum.
float exponential_row(float* row, std::int64_t visible, std::int64_t keys, float factor, float shift) {
  std::fill(row + visible, row + keys, 0.0F);
  return shifted_exponentials(row, visible, factor, shift);
}

struct Parts {
  float *k_turned, *v_turned;     ///< [D, T]
  float *scores, *scores_turned;  ///< [block, T], [T, block]
  float* gradients;               ///< [block, T]
};

Parts parts_for(const HeadSize& size) {
  const std::int64_t turned = size.length * size.width, block = size.length * queries_of_block(size.length);
  float* at = scratch<Slot::Attention>(2 * turned + 3 * block);
  return {at, at + turned, at + 2 * turned, at + 2 * turned + block, at + 2 * turned + 2 * block};
}

float factor_of(const HeadSize& size) { return 1.0F / std::sqrt(static_cast<float>(size.width)); }

}  // namespace

void attend(const HeadInputs& in, const HeadSize& size, Rows<float> y, float* log_sum) {
  const auto [length, width] = size;
  const auto room = parts_for(size);
  const float factor = factor_of(size);
  transpose(length, width, {in.k, width}, {room.k_turned, length});
  over_queries(length, [&](std::int64_t first, std::int64_t queries, std::int64_t keys) {
    multiply({queries, keys, width}, {in.q + first * width, width}, {room.k_turned, length}, {room.scores, keys});
    float sums[64];
    for (std::int64_t i = 0; i < queries; ++i) {
      float* row = room.scores + i * keys;
      const float top = largest_of(row, first + i + 1) * factor;
      sums[i] = exponential_row(row, first + i + 1, keys, factor, top);
      log_sum[first + i] = top + std::log(sums[i]);
    }
    float* out = y.at + first * y.stride;
    multiply({queries, width, keys}, {room.scores, keys}, {in.v, width}, {out, y.stride});
    for (std::int64_t i = 0; i < queries; ++i) {
#pragma omp simd
      for (std::int64_t d = 0; d < width; ++d) out[i * y.stride + d] /= sums[i];
    }
  });
}

namespace {

/// Gradients of the probabilities in `g` become those of the products q k: p (g - sum(p g)) / sqrt(D).
void score_gradients(const float* p, float* g, std::int64_t visible, std::int64_t keys, float factor) {
  float mean = 0;
#pragma omp simd reduction(+ : mean)
  for (std::int64_t j = 0; j < visible; ++j) mean += p[j] * g[j];
#pragma omp simd
  for (std::int64_t j = 0; j < visible; ++j) g[j] = p[j] * (g[j] - mean) * factor;
  std::fill(g + visible, g + keys, 0.0F);
}

}  // namespace

void attend_backward(const HeadInputs& in, const HeadSize& size, Rows<const float> y_gradient, const float* log_sum,
                     const HeadGradients& out) {
  const auto [length, width] = size;
  const auto room = parts_for(size);
  const float factor = factor_of(size);
  transpose(length, width, {in.k, width}, {room.k_turned, length});
  transpose(length, width, {in.v, width}, {room.v_turned, length});
  std::fill_n(out.k, length * width, 0.0F);
  std::fill_n(out.v, length * width, 0.0F);
  over_queries(length, [&](std::int64_t first, std::int64_t queries, std::int64_t keys) {
    const float *q = in.q + first * width, *g = y_gradient.at + first * y_gradient.stride;
    multiply({queries, keys, width}, {q, width}, {room.k_turned, length}, {room.scores, keys});
    multiply({queries, keys, width}, {g, y_gradient.stride}, {room.v_turned, length}, {room.gradients, keys});
    for (std::int64_t i = 0; i < queries; ++i) {
      exponential_row(room.scores + i * keys, first + i + 1, keys, factor, log_sum[first + i]);
      score_gradients(room.scores + i * keys, room.gradients + i * keys, first + i + 1, keys, factor);
    }
    transpose(queries, keys, {room.scores, keys}, {room.scores_turned, queries});
    multiply({keys, width, queries}, {room.scores_turned, queries}, {g, y_gradient.stride}, {out.v, width}, true);
    multiply({queries, width, keys}, {room.gradients, keys}, {in.k, width}, {out.q + first * width, width});
    transpose(queries, keys, {room.gradients, keys}, {room.scores_turned, queries});
    multiply({keys, width, queries}, {room.scores_turned, queries}, {q, width}, {out.k, width}, true);
  });
}

}  // namespace vernier::model::cpu
