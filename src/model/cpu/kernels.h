// CPU kernels over raw fp32 rows. Every row is computed alike whatever the number of rows, members or threads.
#pragma once

#include <cstdint>

namespace vernier::model::cpu {

/// x[i] becomes e^x[i], to 1 ulp.
void exponentials(float* x, std::int64_t count);

/// x[i] becomes e^(x[i] factor - shift); returns the sum of all.
float shifted_exponentials(float* x, std::int64_t count, float factor, float shift);

/// y = x * inverse_rms * gain, inverse_rms = 1 / sqrt(mean(x^2) + epsilon).
void rms_norm_forward(const float* x, const float* gain, float* y, float* inverse_rms, std::int64_t rows,
                      std::int64_t width);
/// gain_gradient [width] is added to. x_gradient is what the norm gives plus `carried`, the gradient that reaches x
/// otherwise; null: none.
void rms_norm_backward(const float* y_gradient, const float* x, const float* gain, const float* inverse_rms,
                       const float* carried, float* x_gradient, float* gain_gradient, std::int64_t rows,
                       std::int64_t width);

struct RowMoments {
  float mean, inverse_deviation;
};
/// y = (x - mean) * inverse_deviation * gain + bias, inverse_deviation = 1 / sqrt(variance + epsilon).
void layer_norm_forward(const float* x, const float* gain, const float* bias, float* y, RowMoments* moments,
                        std::int64_t rows, std::int64_t width);
/// gain_gradient and bias_gradient [width] are added to.
void layer_norm_backward(const float* y_gradient, const float* x, const float* gain, const RowMoments* moments,
                         float* x_gradient, float* gain_gradient, float* bias_gradient, std::int64_t rows,
                         std::int64_t width);

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

/// The queries or keys of one token, [heads, width], normalised where `inverse_rms` is not null (it is then written,
/// one per head) and turned by cosine and sine of its position, [width / 2] each. In place.
void turn_heads(float* x, std::int64_t heads, std::int64_t width, const float* cosine, const float* sine,
                float* inverse_rms);
/// The gradient of one head's x [width] from that of the turned y; inverse_rms null: it was not normalised.
void turn_head_back(const float* y_gradient, const float* y, std::int64_t width, const float* cosine, const float* sine,
                    const float* inverse_rms, float* x_gradient);

/// x[i] *= factor, or factors[i].
void scale(float* x, std::int64_t count, float factor);
void scale(float* x, std::int64_t count, const float* factors);

/// y[i] += x[i].
void add(const float* x, std::int64_t count, float* y);

/// Returns -ln softmax(logits)[target]; the logits become its gradient times `factor`.
float cross_entropy_in_place(float* logits, std::int64_t vocab, std::int64_t target, float factor);

/// Sum of squares, in double and in an order that depends on `count` alone.
double sum_of_squares(const float* x, std::int64_t count);

/// loss[r] = log_sum[r] - logits[r, target[r]].
void cross_entropy_forward(const float* logits, const std::int64_t* targets, float* loss, float* log_sum,
                           std::int64_t rows, std::int64_t vocab);
void cross_entropy_backward(const float* loss_gradient, const float* logits, const std::int64_t* targets,
                            const float* log_sum, float* logits_gradient, std::int64_t rows, std::int64_t vocab);

}  // namespace vernier::model::cpu
