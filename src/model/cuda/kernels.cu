#include "model/cuda/kernels.h"

#include "model/cuda/teams.cuh"

namespace vernier::model::cuda {

namespace {

__device__ const float* gain_of(const Gain& gain, const Extent& extent, std::int64_t row) {
  return gain.values + row / extent.rows * gain.stride;
}

__global__ void __launch_bounds__(kThreads)
    norm_rows(const float* x_rows, Gain gain, float epsilon, float* y_rows, float* inverse, Extent extent, int lanes) {
  over_rows(extent.members * extent.rows, lanes, [&](std::int64_t row, Lane lane) {
    const float *x = x_rows + row * extent.width, *gains = gain_of(gain, extent, row);
    float* y = y_rows + row * extent.width;
    const float r = inverse_rms(combined(lane_dot(x, x, extent.width, lane), lanes, Add()), extent.width, epsilon);
    if (lane.index == 0) inverse[row] = r;
    for (std::int64_t i = lane.index; i < extent.width; i += lanes) y[i] = x[i] * r * gains[i];
  });
}

__global__ void __launch_bounds__(kThreads)
    norm_rows_back(const float* g_rows, const float* x_rows, Gain gain, const float* inverse, float* out_rows,
                   Extent extent, int lanes) {
  over_rows(extent.members * extent.rows, lanes, [&](std::int64_t row, Lane lane) {
    const std::int64_t at = row * extent.width;
    const float *g = g_rows + at, *x = x_rows + at, *gains = gain_of(gain, extent, row);
    const float along = combined(lane_along(g, gains, x, extent.width, lane), lanes, Add());
    const float r = inverse[row], shrink = shrinkage(along, r, extent.width);
    for (std::int64_t i = lane.index; i < extent.width; i += lanes)
      out_rows[at + i] = normed_gradient(g[i] * gains[i], x[i], r, shrink);
  });
}

/// A thread for every channel of every part.
__global__ void __launch_bounds__(kThreads)
    gain_parts_of(const float* g, const float* x, const float* inverse, float* parts, Extent extent) {
  const std::int64_t in_all = (extent.rows + kRowsOfPart - 1) / kRowsOfPart;
  over_elements(extent.members * in_all * extent.width, [&](std::int64_t i) {
    const std::int64_t channel = i % extent.width, part = i / extent.width % in_all, member = i / extent.width / in_all;
    const std::int64_t first = part * kRowsOfPart, row = member * extent.rows, at = row * extent.width + channel;
    parts[i] = gain_gradient(g + at, x + at, inverse + row, extent.width, first, min(first + kRowsOfPart, extent.rows));
  });
}

__global__ void __launch_bounds__(kThreads) gate(const float* x, float* y, std::int64_t elements, std::int64_t hidden) {
  over_elements(elements,
                [&](std::int64_t i) { y[i] = swiglu(pair_of(x + i / hidden * 2 * hidden, i % hidden, hidden)); });
}

__global__ void __launch_bounds__(kThreads)
    gate_back(const float* g, const float* x, float* out, std::int64_t elements, std::int64_t hidden) {
  over_elements(elements, [&](std::int64_t i) {
    const std::int64_t row = i / hidden * 2 * hidden, at = i % hidden;
    const Pair gradient = swiglu_gradient(g[i], pair_of(x + row, at, hidden));
    out[row + at] = gradient.a;
    out[row + hidden + at] = gradient.b;
  });
}

// ---- heads: a warp for each head of each of the three parts of a token

struct HeadPlace {
  std::int64_t part, position;
  std::int64_t in_qkv, in_heads;  ///< floats before it
};

__device__ HeadPlace head_place(const HeadsOf& s, std::int64_t row) {
  const std::int64_t head = row % s.heads, token = row / s.heads / 3, position = token % s.context;
  const std::int64_t sequence = token / s.context;
  return {row / s.heads % 3, position, row * s.width, ((sequence * s.heads + head) * s.context + position) * s.width};
}

template <class Pointer>
__device__ Pointer part_of(const HeadPlace& place, Pointer q, Pointer k, Pointer v) {
  return (place.part == 0 ? q : place.part == 1 ? k : v) + place.in_heads;
}

__global__ void __launch_bounds__(kThreads) split_heads(const float* qkv, float* q, float* k, float* v, HeadsOf s) {
  over_rows(s.sequences * s.context * 3 * s.heads, kWarp, [&](std::int64_t row, Lane lane) {
    const HeadPlace place = head_place(s, row);
    const std::int64_t half = s.width / 2;
    const float *x = qkv + place.in_qkv, *cosine = s.cosine + place.position * half,
                *sine = s.sine + place.position * half;
    float* y = part_of(place, q, k, v);
    const float squares = combined(lane_dot(x, x, s.width, lane), kWarp, Add());
    const float r = s.qk_norm ? inverse_rms(squares, s.width, s.epsilon) : 1.0F;
    for (std::int64_t i = lane.index; i < half; i += kWarp) {
      const Pair at = pair_of(x, i, half), turn = turned(at, cosine[i], sine[i]);  // which keeps the norm
      y[i] = place.part == 2 ? at.a : turn.a * r;
      y[half + i] = place.part == 2 ? at.b : turn.b * r;
    }
  });
}

__global__ void __launch_bounds__(kThreads)
    join_heads(const float* q, const float* k, const float* v, const float* qkv, float* out, HeadsOf s) {
  over_rows(s.sequences * s.context * 3 * s.heads, kWarp, [&](std::int64_t row, Lane lane) {
    const HeadPlace place = head_place(s, row);
    const std::int64_t half = s.width / 2;
    const float *g = part_of(place, q, k, v), *x = qkv + place.in_qkv, *cosine = s.cosine + place.position * half,
                *sine = s.sine + place.position * half;
    float* to = out + place.in_qkv;
    const Pair sums = lane_of_head(g, x, cosine, sine, half, lane);
    const float r = inverse_rms(combined(sums.a, kWarp, Add()), s.width, s.epsilon);
    const float shrink = shrinkage(combined(sums.b, kWarp, Add()), r, s.width);
    const auto passed = [&](float gradient, float value) {
      return s.qk_norm ? normed_gradient(gradient, value, r, shrink) : gradient;
    };
    for (std::int64_t i = lane.index; i < half; i += kWarp) {
      const Pair given = pair_of(g, i, half), at = pair_of(x, i, half), back = turned(given, cosine[i], -sine[i]);
      to[i] = place.part == 2 ? given.a : passed(back.a, at.a);
      to[half + i] = place.part == 2 ? given.b : passed(back.b, at.b);
    }
  });
}

// ---- cross-entropy and embedding

__global__ void __launch_bounds__(kThreads) row_entropy(const float* logits, const std::int64_t* targets, float* loss,
                                                        float* log_sum, Extent extent, int lanes) {
  over_rows(extent.members * extent.rows, lanes, [&](std::int64_t row, Lane lane) {
    const float* x = logits + row * extent.width;
    const float top = combined(lane_largest(x, extent.width, lane), lanes, Larger());
    const float sum = log_of_sum(top, combined(lane_exponentials(x, extent.width, top, lane), lanes, Add()));
    if (lane.index != 0) return;
    log_sum[row] = sum;
    loss[row] = sum - x[targets[row % extent.rows]];
  });
}

__global__ void __launch_bounds__(kThreads)
    row_entropy_back(const float* loss_gradient, const float* logits, const std::int64_t* targets, const float* log_sum,
                     float* out, Extent extent, int lanes) {
  over_rows(extent.members * extent.rows, lanes, [&](std::int64_t row, Lane lane) {
    const std::int64_t target = targets[row % extent.rows], at = row * extent.width;
    const float sum = log_sum[row], weight = loss_gradient[row];
    for (std::int64_t i = lane.index; i < extent.width; i += lanes)
      out[at + i] = logit_gradient(logits[at + i], sum, weight, i == target);
  });
}

/// A block for every token of every member: its warps take the token's rows by turns, 32 channels at a time.
__global__ void __launch_bounds__(kThreads)
    embedding_back(const float* g, TokenOrder tokens, float* out, Extent extent) {
  __shared__ float of_warps[kWarps][kWarp];
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  for (std::int64_t unit = blockIdx.x; unit < extent.members * tokens.vocab; unit += gridDim.x) {
    const std::int64_t member = unit / tokens.vocab, token = unit % tokens.vocab;
    const float* rows = g + member * extent.rows * extent.width;
    for (std::int64_t first = 0; first < extent.width; first += kWarp) {
      const std::int64_t channel = first + lane;
      float sum = 0;
      for (std::int64_t i = tokens.first[token] + warp; i < tokens.first[token + 1] && channel < extent.width;
           i += kWarps)
        sum += rows[tokens.order[i] * extent.width + channel];
      of_warps[warp][lane] = sum;
      __syncthreads();
      for (int other = 1; other < kWarps && warp == 0; ++other) sum += of_warps[other][lane];
      if (warp == 0 && channel < extent.width) out[unit * extent.width + channel] = sum;
      __syncthreads();
    }
  }
}

}  // namespace

void rms_norm_forward(const float* x, const Gain& gain, float epsilon, float* y, float* inverse, const Extent& extent,
                      cudaStream_t stream) {
  const int lanes = team_for(extent.width);
  launch(stream, "norm_rows", norm_rows, extent.members * extent.rows * lanes, x, gain, epsilon, y, inverse, extent,
         lanes);
}

void rms_norm_backward(const float* g, const float* x, const Gain& gain, const float* inverse, float* x_gradient,
                       float* gain_parts, const Extent& extent, cudaStream_t stream) {
  const int lanes = team_for(extent.width);
  launch(stream, "norm_rows_back", norm_rows_back, extent.members * extent.rows * lanes, g, x, gain, inverse,
         x_gradient, extent, lanes);
  const std::int64_t parts = (extent.rows + kRowsOfPart - 1) / kRowsOfPart;
  launch(stream, "gain_parts_of", gain_parts_of, extent.members * parts * extent.width, g, x, inverse, gain_parts,
         extent);
}

void swiglu_forward(const float* x, float* y, std::int64_t rows, std::int64_t hidden, cudaStream_t stream) {
  launch(stream, "gate", gate, rows * hidden, x, y, rows * hidden, hidden);
}

void swiglu_backward(const float* g, const float* x, float* x_gradient, std::int64_t rows, std::int64_t hidden,
                     cudaStream_t stream) {
  launch(stream, "gate_back", gate_back, rows * hidden, g, x, x_gradient, rows * hidden, hidden);
}

namespace {
std::int64_t threads_of(const HeadsOf& s) { return s.sequences * s.context * 3 * s.heads * kWarp; }
}  // namespace

void heads_forward(const float* qkv, float* q, float* k, float* v, const HeadsOf& heads, cudaStream_t stream) {
  launch(stream, "split_heads", split_heads, threads_of(heads), qkv, q, k, v, heads);
}

void heads_backward(const float* q, const float* k, const float* v, const float* qkv, float* qkv_gradient,
                    const HeadsOf& heads, cudaStream_t stream) {
  launch(stream, "join_heads", join_heads, threads_of(heads), q, k, v, qkv, qkv_gradient, heads);
}

void cross_entropy_forward(const float* logits, const std::int64_t* targets, float* loss, float* log_sum,
                           const Extent& extent, cudaStream_t stream) {
  const int lanes = team_for(extent.width);
  launch(stream, "row_entropy", row_entropy, extent.members * extent.rows * lanes, logits, targets, loss, log_sum,
         extent, lanes);
}

void cross_entropy_backward(const float* loss_gradient, const float* logits, const std::int64_t* targets,
                            const float* log_sum, float* logits_gradient, const Extent& extent, cudaStream_t stream) {
  const int lanes = team_for(extent.width);
  launch(stream, "row_entropy_back", row_entropy_back, extent.members * extent.rows * lanes, loss_gradient, logits,
         targets, log_sum, logits_gradient, extent, lanes);
}

void embedding_backward(const float* g, const TokenOrder& tokens, float* gradient, const Extent& extent,
                        cudaStream_t stream) {
  launch(stream, "embedding_back", embedding_back, extent.members * tokens.vocab * kThreads, g, tokens, gradient,
         extent);
}

}  // namespace vernier::model::cuda
