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

using F = hn::ScalableTag<float>;
using Floats = hn::Vec<F>;

/// Highway's Exp gives 0 for a NaN, which must stay one.
Floats exponential(Floats x) {
  const F d;
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}

/// Calls `each(pointers...)` for whole vectors, and once more for what is left on copies padded with zeros, of which as
/// much as there was is written back to the first.
template <class Each, class... Rest>
void over_vectors(std::int64_t count, const Each& each, float* x, const Rest*... rest) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(F()));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) each(x + i, rest + i...);
  if (i == count) return;
  struct Padded {
    HWY_ALIGN float values[HWY_MAX_BYTES / sizeof(float)] = {};
    Padded(const float* from, std::int64_t some) {
      std::memcpy(values, from, static_cast<std::size_t>(some) * sizeof(float));
    }
  };
  Padded first(x + i, count - i);
  each(first.values, Padded(rest + i, count - i).values...);
  std::memcpy(x + i, first.values, static_cast<std::size_t>(count - i) * sizeof(float));
}

}  // namespace

void exponentials(float* x, std::int64_t count) {
  const F d;
  over_vectors(
      count, [&](float* at) { hn::StoreU(exponential(hn::LoadU(d, at)), d, at); }, x);
}

float shifted_exponentials(float* x, std::int64_t count, float factor, float shift) {
  const F d;
  const Floats factors = hn::Set(d, factor), shifts = hn::Set(d, shift);
  Floats sums = hn::Zero(d);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto one = [&](float* at) {
    const Floats y = exponential(hn::Sub(hn::Mul(hn::LoadU(d, at), factors), shifts));
    hn::StoreU(y, d, at);
    return y;
  };
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) sums = hn::Add(sums, one(x + i));
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  if (i < count)
    over_vectors(
        count - i, [&](float* at) { one(at); }, x + i);
  for (; i < count; ++i) sum += x[i];
  return sum;
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
Floats sigmoid(Floats x) {
  const Floats one = hn::Set(F(), 1.0F);
  return hn::Div(one, hn::Add(one, exponential(hn::Neg(x))));
}
}  // namespace

void swiglu_forward(const float* x, float* y, std::int64_t rows, std::int64_t hidden) {
  const F d;
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * hidden, y += hidden)
    over_vectors(
        hidden,
        [&](float* out, const float* gates, const float* ups) {
          const Floats gate = hn::LoadU(d, gates);
          hn::StoreU(hn::Mul(hn::Mul(gate, sigmoid(gate)), hn::LoadU(d, ups)), d, out);
        },
        y, x, x + hidden);
}

void swiglu_backward(const float* y_gradient, const float* x, float* x_gradient, std::int64_t rows,
                     std::int64_t hidden) {
  const F d;
  const Floats one = hn::Set(d, 1.0F);
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * hidden, x_gradient += 2 * hidden, y_gradient += hidden) {
    float* up_gradient = x_gradient + hidden;  // holds the sigmoid first
    const auto sigmoids = [&](float* out, const float* gates) { hn::StoreU(sigmoid(hn::LoadU(d, gates)), d, out); };
    over_vectors(hidden, sigmoids, up_gradient, x);
    over_vectors(
        hidden,
        [&](float* out, const float* g, const float* gates, const float* ups, const float* of_gates) {
          const Floats gate = hn::LoadU(d, gates), s = hn::LoadU(d, of_gates);
          const Floats slope = hn::Mul(s, hn::Add(one, hn::Mul(gate, hn::Sub(one, s))));
          hn::StoreU(hn::Mul(hn::Mul(hn::LoadU(d, g), hn::LoadU(d, ups)), slope), d, out);
        },
        x_gradient, y_gradient, x, x + hidden, up_gradient);
    over_vectors(
        hidden,
        [&](float* out, const float* g, const float* gates) {
          hn::StoreU(hn::Mul(hn::LoadU(d, g), hn::Mul(hn::LoadU(d, gates), hn::LoadU(d, out))), d, out);
        },
        up_gradient, y_gradient, x);
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
  float top = logits[0];
#pragma omp simd reduction(max : top)
  for (std::int64_t i = 0; i < vocab; ++i) top = std::max(top, logits[i]);
  const float of_target = logits[target], sum = shifted_exponentials(logits, vocab, 1.0F, top);
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
