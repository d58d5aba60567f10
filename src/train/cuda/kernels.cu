#include "train/cuda/kernels.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace vernier::train::cuda {

namespace {

constexpr int kThreads = kSquareLanes;

/// The sum over a block's threads, by halves; on thread 0.
__device__ double sum_of_block(double mine) {
  __shared__ double sums[kThreads];
  sums[threadIdx.x] = mine;
  for (unsigned by = kThreads / 2; by > 0; by /= 2) {
    __syncthreads();
    if (threadIdx.x < by) sums[threadIdx.x] += sums[threadIdx.x + by];
  }
  return sums[0];
}

/// A block for every part of every member.
__global__ void __launch_bounds__(kThreads) square_parts(Storages s, double* partials) {
  const std::int64_t parts = parts_of(s.size), member = blockIdx.x / parts,
                     first = blockIdx.x % parts * kElementsOfPart;
  const std::int64_t count = min(kElementsOfPart, s.size - first);
  const double sum = sum_of_block(lane_squares(s.gradient + member * s.size + first, count, threadIdx.x));
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

/// A block for every member.
__global__ void __launch_bounds__(kThreads) finish_members(Storages s, Constants constants, StepMemory memory) {
  const std::int64_t parts = parts_of(s.size), member = blockIdx.x;
  double mine = 0;
  for (std::int64_t part = threadIdx.x; part < parts; part += kThreads) mine += memory.partials[member * parts + part];
  const double squares = sum_of_block(mine);
  if (threadIdx.x == 0) finish_member(s, constants, memory, member, squares);
}

/// A row of blocks for every member.
__global__ void __launch_bounds__(kThreads) update_elements(Storages s, Constants constants, StepMemory memory) {
  const std::int64_t member = blockIdx.y, stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  const Update given = update_of(s, memory, member);
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < s.size; i += stride)
    adamw_element(s, constants, given, member, i);
}

void check(const char* name) {
  if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess)
    throw std::runtime_error(std::string(name) + ": " + cudaGetErrorString(error));
}

}  // namespace

void finish_on_stream(const Storages& s, const Constants& constants, const StepMemory& memory, cudaStream_t stream) {
  const auto members = static_cast<unsigned>(s.members), parts = static_cast<unsigned>(parts_of(s.size));
  if (members == 0 || parts == 0) return;
  square_parts<<<members * parts, kThreads, 0, stream>>>(s, memory.partials);
  check("square_parts");
  finish_members<<<members, kThreads, 0, stream>>>(s, constants, memory);
  check("finish_members");
  const std::int64_t blocks = std::min<std::int64_t>(1 << 12, (s.size + kThreads - 1) / kThreads);
  update_elements<<<dim3(static_cast<unsigned>(blocks), members), kThreads, 0, stream>>>(s, constants, memory);
  check("update_elements");
}

}  // namespace vernier::train::cuda
