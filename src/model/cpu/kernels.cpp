#include "model/cpu/kernels.h"

#include <hwy/highway.h>
// contrib/math needs highway.h before it
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "model/operations.h"

namespace vernier::model::cpu {

namespace hn = hwy::HWY_NAMESPACE;

namespace {

/// One vector of exponentials. Highway's Exp gives 0 for a NaN, which must stay one.
void exponential(float* x) {
  const hn::ScalableTag<float> d;
  const auto value = hn::LoadU(d, x);
  hn::StoreU(hn::IfThenElse(hn::IsNaN(value), value, hn::Exp(d, value)), d, x);
}

}  // namespace

void exponentials(float* x, std::int64_t count) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>()));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) exponential(x + i);
  if (i == count) return;
  float rest[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(rest, x + i, static_cast<std::size_t>(count - i) * sizeof(float));
  exponential(rest);
  std::memcpy(x + i, rest, static_cast<std::size_t>(count - i) * sizeof(float));
}

namespace {

float dot(const float* a, const float* b, std::int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

float inverse_rms_of(const float* x, std::int64_t width) {
  return 1.0f / std::sqrt(dot(x, x, width) / static_cast<float>(width) + static_cast<float>(kNormEpsilon));
}

/// Gradient of y = x r, r = 1 / rms(x): r (g - y mean(g y)), with g already multiplied by any gain.
void normalised_gradient(const float* g, const float* x, float r, float* x_gradient, std::int64_t width) {
  const float shrink = dot(g, x, width) * r * r / static_cast<float>(width);
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) x_gradient[i] = r * (g[i] - x[i] * shrink);
}

/// Turns (a, b) pairs by the angle of a position; `direction` -1 turns back.
void turn(const float* x, const float* cosine, const float* sine, float direction, float* y, std::int64_t half) {
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i], c = cosine[i], s = direction * sine[i];
    y[i] = a * c - b * s;
    y[half + i] = b * c + a * s;
  }
}

}  // namespace

void rms_norm_forward(const float* x, const float* gain, float* y, float* inverse_rms, std::int64_t rows,
                      std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y += width) {
    const float r = inverse_rms[row] = inverse_rms_of(x, width);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] = x[i] * r * gain[i];
  }
}

void rms_norm_backward(const float* y_gradient, const float* x, const float* gain, const float* inverse_rms,
                       const float* carried, float* x_gradient, float* gain_gradient, std::int64_t rows,
                       std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y_gradient += width, x_gradient += width) {
    const float r = inverse_rms[row];
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < width; ++i) {
      const float product = y_gradient[i] * x[i];
      gain_gradient[i] += product * r;
      sum += product * gain[i];
    }
    const float shrink = sum * r * r / static_cast<float>(width);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) x_gradient[i] = r * (y_gradient[i] * gain[i] - x[i] * shrink);
    if (carried == nullptr) continue;
    add(carried, width, x_gradient);
    carried += width;
  }
}

namespace {
/// sigmoid(gate) of one row into `sigmoid`.
void sigmoids(const float* gate, float* sigmoid, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sigmoid[i] = -gate[i];
  exponentials(sigmoid, count);
  for (std::int64_t i = 0; i < count; ++i) sigmoid[i] = 1.0f / (1.0f + sigmoid[i]);
}
}  // namespace

void swiglu_forward(const float* x, float* y, std::int64_t rows, std::int64_t hidden) {
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * hidden, y += hidden) {
    sigmoids(x, y, hidden);
#pragma omp simd
    for (std::int64_t i = 0; i < hidden; ++i) y[i] = x[i] * y[i] * x[hidden + i];
  }
}

void swiglu_backward(const float* y_gradient, const float* x, float* x_gradient, std::int64_t rows,
                     std::int64_t hidden) {
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * hidden, x_gradient += 2 * hidden, y_gradient += hidden) {
    sigmoids(x, x_gradient, hidden);
#pragma omp simd
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float sigmoid = x_gradient[i], gate = x[i], up = x[hidden + i];
      x_gradient[hidden + i] = y_gradient[i] * gate * sigmoid;
      x_gradient[i] = y_gradient[i] * up * sigmoid * (1.0f + gate * (1.0f - sigmoid));
    }
  }
}

namespace {

/// Calls `each(qkv offset, head offset, position)` for every head of every position.
template <class Each>
void for_each_head(const HeadsView& v, const Each& each) {
  const std::int64_t token = 3 * v.heads * v.width;
  for (std::int64_t b = 0; b < v.batch; ++b)
    for (std::int64_t t = 0; t < v.context; ++t)
      for (std::int64_t h = 0; h < v.heads; ++h)
        each((b * v.context + t) * token + h * v.width, ((b * v.heads + h) * v.context + t) * v.width, t);
}

}  // namespace

void heads_forward(const float* qkv, float* q, float* k, float* v, const HeadsView& view) {
  const std::int64_t width = view.width, half = width / 2, part = view.heads * width;
  const auto turned = [&](const float* x, float* y, std::int64_t t) {
    turn(x, view.cosine + t * half, view.sine + t * half, 1, y, half);
    if (!view.qk_norm) return;
    const float r = inverse_rms_of(x, width);  // a turn keeps the norm, so it may come first
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] *= r;
  };
  for_each_head(view, [&](std::int64_t from, std::int64_t to, std::int64_t t) {
    turned(qkv + from, q + to, t);
    turned(qkv + from + part, k + to, t);
    std::memcpy(v + to, qkv + from + 2 * part, static_cast<std::size_t>(width) * sizeof(float));
  });
}

void heads_backward(const float* q_gradient, const float* k_gradient, const float* v_gradient, const float* qkv,
                    float* qkv_gradient, const HeadsView& view) {
  const std::int64_t width = view.width, half = width / 2, part = view.heads * width;
  std::vector<float> back(static_cast<std::size_t>(width));
  const auto turned_back = [&](const float* gradient, const float* x, float* x_gradient, std::int64_t t) {
    turn(gradient, view.cosine + t * half, view.sine + t * half, -1, back.data(), half);
    if (view.qk_norm)
      normalised_gradient(back.data(), x, inverse_rms_of(x, width), x_gradient, width);
    else
      std::memcpy(x_gradient, back.data(), back.size() * sizeof(float));
  };
  for_each_head(view, [&](std::int64_t from, std::int64_t to, std::int64_t t) {
    turned_back(q_gradient + to, qkv + from, qkv_gradient + from, t);
    turned_back(k_gradient + to, qkv + from + part, qkv_gradient + from + part, t);
    std::memcpy(qkv_gradient + from + 2 * part, v_gradient + to, static_cast<std::size_t>(width) * sizeof(float));
  });
}

namespace {

/// Normalises and turns one head; a turn keeps the norm, so which comes first does not matter.
template <std::int64_t kHalf>
void turn_head(float* x, std::int64_t any_half, const float* cosine, const float* sine, float factor) {
  const std::int64_t half = kHalf > 0 ? kHalf : any_half;
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = x[i] * factor, b = x[half + i] * factor;
    x[i] = a * cosine[i] - b * sine[i];
    x[half + i] = b * cosine[i] + a * sine[i];
  }
}

template <std::int64_t kHalf>
void turn_heads_of(float* x, std::int64_t heads, std::int64_t half, const float* cosine, const float* sine,
                   float* inverse_rms) {
  const std::int64_t width = kHalf > 0 ? 2 * kHalf : 2 * half;
  for (std::int64_t h = 0; h < heads; ++h, x += width) {
    if (inverse_rms != nullptr) inverse_rms[h] = inverse_rms_of(x, width);
    turn_head<kHalf>(x, half, cosine, sine, inverse_rms != nullptr ? inverse_rms[h] : 1.0F);
  }
}

}  // namespace

void turn_heads(float* x, std::int64_t heads, std::int64_t width, const float* cosine, const float* sine,
                float* inverse_rms) {
  switch (width / 2) {  // the usual widths, for which the compiler unrolls everything
    case 8:
      return turn_heads_of<8>(x, heads, 8, cosine, sine, inverse_rms);
    case 16:
      return turn_heads_of<16>(x, heads, 16, cosine, sine, inverse_rms);
    case 32:
      return turn_heads_of<32>(x, heads, 32, cosine, sine, inverse_rms);
    default:
      return turn_heads_of<0>(x, heads, width / 2, cosine, sine, inverse_rms);
  }
}

void turn_head_back(const float* y_gradient, const float* y, std::int64_t width, const float* cosine, const float* sine,
                    const float* inverse_rms, float* x_gradient) {
  const std::int64_t half = width / 2;
  const float r = inverse_rms != nullptr ? *inverse_rms : 1.0F;
  const float shrink = inverse_rms != nullptr ? dot(y_gradient, y, width) / static_cast<float>(width) : 0.0F;
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = r * (y_gradient[i] - y[i] * shrink), b = r * (y_gradient[half + i] - y[half + i] * shrink);
    x_gradient[i] = a * cosine[i] + b * sine[i];
    x_gradient[half + i] = b * cosine[i] - a * sine[i];
  }
}

void scale(float* x, std::int64_t count, float factor) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factor;
}

void scale(float* x, std::int64_t count, const float* factors) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factors[i];
}

void add(const float* x, std::int64_t count, float* y) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] += x[i];
}

float cross_entropy_in_place(float* logits, std::int64_t vocab, std::int64_t target, float factor) {
  float top = logits[0], sum = 0;
#pragma omp simd reduction(max : top)
  for (std::int64_t i = 0; i < vocab; ++i) top = std::max(top, logits[i]);
  const float of_target = logits[target];
#pragma omp simd
  for (std::int64_t i = 0; i < vocab; ++i) logits[i] -= top;
  exponentials(logits, vocab);
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < vocab; ++i) sum += logits[i];
  scale(logits, vocab, factor / sum);
  logits[target] -= factor;
  return top + std::log(sum) - of_target;
}

double sum_of_squares(const float* x, std::int64_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

void cross_entropy_forward(const float* logits, const std::int64_t* targets, float* loss, float* log_sum,
                           std::int64_t rows, std::int64_t vocab) {
  std::vector<float> shifted(static_cast<std::size_t>(vocab));
  for (std::int64_t row = 0; row < rows; ++row, logits += vocab) {
    float top = logits[0];
#pragma omp simd reduction(max : top)
    for (std::int64_t i = 0; i < vocab; ++i) top = std::max(top, logits[i]);
    for (std::int64_t i = 0; i < vocab; ++i) shifted[static_cast<std::size_t>(i)] = logits[i] - top;
    exponentials(shifted.data(), vocab);
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < vocab; ++i) sum += shifted[static_cast<std::size_t>(i)];
    log_sum[row] = top + std::log(sum);
    loss[row] = log_sum[row] - logits[targets[row]];
  }
}

void cross_entropy_backward(const float* loss_gradient, const float* logits, const std::int64_t* targets,
                            const float* log_sum, float* logits_gradient, std::int64_t rows, std::int64_t vocab) {
  for (std::int64_t row = 0; row < rows; ++row, logits += vocab, logits_gradient += vocab) {
    for (std::int64_t i = 0; i < vocab; ++i) logits_gradient[i] = logits[i] - log_sum[row];
    exponentials(logits_gradient, vocab);
    for (std::int64_t i = 0; i < vocab; ++i) logits_gradient[i] *= loss_gradient[row];
    logits_gradient[targets[row]] -= loss_gradient[row];
  }
}

}  // namespace vernier::model::cpu
