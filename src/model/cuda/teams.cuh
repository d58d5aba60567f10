// Teams of threads that share a row: a warp, or the whole block where rows are long.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include "model/cuda/rows.h"

namespace vernier::model::cuda {

inline constexpr int kThreads = 256, kWarp = 32, kWarps = kThreads / kWarp;
inline constexpr unsigned kAllLanes = 0xFFFFFFFF;

/// Combines what the lanes of a team hold, in an order that does not change; the result on each of them. A block's
/// threads all call it.
template <class Combine>
__device__ float combined(float mine, int lanes, const Combine& combine) {
  for (int by = kWarp / 2; by > 0; by /= 2) mine = combine(mine, __shfl_xor_sync(kAllLanes, mine, by));
  if (lanes <= kWarp) return mine;
  __shared__ float of_warps[kWarps];
  __syncthreads();  // the last use is over
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = mine;
  __syncthreads();
  mine = of_warps[0];
  for (int warp = 1; warp < kWarps; ++warp) mine = combine(mine, of_warps[warp]);
  return mine;
}

struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return a < b ? b : a; }
};

/// Calls `work(row, lane)` for every row, all threads of a team alike.
template <class Work>
__device__ void over_rows(std::int64_t rows, int lanes, const Work& work) {
  const std::int64_t teams = kThreads / lanes;
  for (std::int64_t row = blockIdx.x * teams + threadIdx.x / lanes; row < rows; row += gridDim.x * teams)
    work(row, Lane{threadIdx.x % lanes, lanes});
}

/// Calls `work(element)` for every element.
template <class Work>
__device__ void over_elements(std::int64_t elements, const Work& work) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < elements; i += stride)
    work(i);
}

/// Threads of the team of a row.
inline int team_for(std::int64_t width) { return width <= 32 * kWarp ? kWarp : kThreads; }

/// Starts `kernel` with a thread for every unit of work, or with as many as 2^16 blocks have, which then take turns.
template <class... Wanted, class... Given>
void launch(cudaStream_t stream, const char* name, void (*kernel)(Wanted...), std::int64_t work,
            const Given&... given) {
  const std::int64_t blocks = std::min<std::int64_t>(1 << 16, (work + kThreads - 1) / kThreads);
  if (blocks == 0) return;
  kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(given...);
  if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess)
    throw std::runtime_error(std::string(name) + ": " + cudaGetErrorString(error));
}

}  // namespace vernier::model::cuda
