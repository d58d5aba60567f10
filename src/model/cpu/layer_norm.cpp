#include <cmath>

#include "model/cpu/kernels.h"
#include "model/operations.h"

namespace vernier::model::cpu {

namespace {

RowMoments moments_of(const float* x, std::int64_t width) {
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < width; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(width);
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float variance = squares / static_cast<float>(width);
  return {mean, 1.0f / std::sqrt(variance + static_cast<float>(kLayerNormEpsilon))};
}

}  // namespace

void layer_norm_forward(const float* x, const float* gain, const float* bias, float* y, RowMoments* moments,
                        std::int64_t rows, std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y += width) {
    const auto [mean, r] = moments[row] = moments_of(x, width);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] = (x[i] - mean) * r * gain[i] + bias[i];
  }
}

void layer_norm_backward(const float* y_gradient, const float* x, const float* gain, const RowMoments* moments,
                         float* x_gradient, float* gain_gradient, float* bias_gradient, std::int64_t rows,
                         std::int64_t width) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y_gradient += width, x_gradient += width) {
    const float mean = moments[row].mean, r = moments[row].inverse_deviation;
    float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
    for (std::int64_t i = 0; i < width; ++i) {
      const float normed = (x[i] - mean) * r, g = y_gradient[i] * gain[i];
      gain_gradient[i] += y_gradient[i] * normed;
      bias_gradient[i] += y_gradient[i];
      sum += g;
      along += g * normed;
    }
    sum /= static_cast<float>(width);
    along /= static_cast<float>(width);
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i)
      x_gradient[i] = r * (y_gradient[i] * gain[i] - sum - (x[i] - mean) * r * along);
  }
}

}  // namespace vernier::model::cpu
