// The CUDA kernels of a block over raw fp32 pointers of the current device: no LibTorch header, so that they compile
// wherever nvcc is found. What they compute of a row is in cuda/rows.h; cuda/nodes.cpp binds them to autograd.
//
// All return without waiting for the device, may be captured into a CUDA graph and add in an order of their own that
// never changes: the same input gives the same bits. They throw std::runtime_error with the text of a launch that
// failed.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vernier::model::cuda {

/// [members, rows, width], row after row.
struct Extent {
  std::int64_t members, rows, width;
};

/// One gain per channel; `stride` floats lie between those of one member and the next.
struct Gain {
  const float* values;
  std::int64_t stride;
};

/// y = x * inverse_rms * gain, inverse_rms [members, rows] = 1 / sqrt(mean(x^2) + epsilon).
void rms_norm_forward(const float* x, const Gain& gain, float epsilon, float* y, float* inverse_rms,
                      const Extent& extent, cudaStream_t stream);

/// Rows of which a part of the gain's gradient is the sum.
inline constexpr std::int64_t kRowsOfPart = 64;
/// gain_parts is [members, ceil(rows / kRowsOfPart), width], to be added over its parts.
void rms_norm_backward(const float* y_gradient, const float* x, const Gain& gain, const float* inverse_rms,
                       float* x_gradient, float* gain_parts, const Extent& extent, cudaStream_t stream);

/// x is [rows, 2 hidden], gate before up; y is [rows, hidden].
void swiglu_forward(const float* x, float* y, std::int64_t rows, std::int64_t hidden, cudaStream_t stream);
void swiglu_backward(const float* y_gradient, const float* x, float* x_gradient, std::int64_t rows, std::int64_t hidden,
                     cudaStream_t stream);

struct HeadsOf {
  std::int64_t sequences, context, heads, width;  ///< sequences of all members; an even width of one head
  const float *cosine, *sine;                     ///< [context, width / 2]
  bool qk_norm;
  float epsilon;
};
/// qkv is [sequences, context, 3, heads, width]; q, k and v, one after another, are [sequences, heads, context, width].
void heads_forward(const float* qkv, float* q, float* k, float* v, const HeadsOf& heads, cudaStream_t stream);
void heads_backward(const float* q_gradient, const float* k_gradient, const float* v_gradient, const float* qkv,
                    float* qkv_gradient, const HeadsOf& heads, cudaStream_t stream);

/// loss [members, rows] = log_sum - logits[target]; targets [rows] are those of every member.
void cross_entropy_forward(const float* logits, const std::int64_t* targets, float* loss, float* log_sum,
                           const Extent& extent, cudaStream_t stream);
/// `logits_gradient` may be `logits`, whose place it then takes.
void cross_entropy_backward(const float* loss_gradient, const float* logits, const std::int64_t* targets,
                            const float* log_sum, float* logits_gradient, const Extent& extent, cudaStream_t stream);

/// Gradient [members, vocab, width] of an embedding of which row r of y took row token[r]: `order` lists the rows by
/// token, those of token t from first[t] to first[t + 1].
struct TokenOrder {
  const std::int64_t *order, *first;
  std::int64_t vocab;
};
void embedding_backward(const float* y_gradient, const TokenOrder& tokens, float* gradient, const Extent& extent,
                        cudaStream_t stream);

}  // namespace vernier::model::cuda
