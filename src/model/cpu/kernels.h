// CPU kernels over raw fp32 rows. Every row is computed alike whatever the number of rows, members or threads.
#pragma once

#include <cstdint>

namespace vernier::model::cpu {

/// x[i] becomes e^x[i], to 1 ulp.
void exponentials(float* x, std::int64_t count);

/// y = x * inverse_rms * gain, inverse_rms = 1 / sqrt(mean(x^2) + epsilon).
void rms_norm_forward(const float* x, const float* gain, float* y, float* inverse_rms, std::int64_t rows,
                      std::int64_t width);
/// gain_gradient [width] is added to.
void rms_norm_backward(const float* y_gradient, const float* x, const float* gain, const float* inverse_rms,
                       float* x_gradient, float* gain_gradient, std::int64_t rows, std::int64_t width);

/// x is [rows, 2 hidden], gate before up; y is [rows, hidden].
void swiglu_forward(const float* x, float* y, std::int64_t rows, std::int64_t hidden);
void swiglu_backward(const float* y_gradient, const float* x, float* x_gradient, std::int64_t rows,
                     std::int64_t hidden);

struct HeadsView {
  std::int64_t batch, context, heads, width;
  const float *cosine, *sine;  ///< [context, width / 2]
  bool qk_norm;
};
/// qkv is [batch, context, 3, heads, width]; q, k and v are [batch, heads, context, width].
void heads_forward(const float* qkv, float* q, float* k, float* v, const HeadsView& view);
void heads_backward(const float* q_gradient, const float* k_gradient, const float* v_gradient, const float* qkv,
                    float* qkv_gradient, const HeadsView& view);

/// loss[r] = log_sum[r] - logits[r, target[r]].
void cross_entropy_forward(const float* logits, const std::int64_t* targets, float* loss, float* log_sum,
                           std::int64_t rows, std::int64_t vocab);
void cross_entropy_backward(const float* loss_gradient, const float* logits, const std::int64_t* targets,
                            const float* log_sum, float* logits_gradient, std::int64_t rows, std::int64_t vocab);

}  // namespace vernier::model::cpu
