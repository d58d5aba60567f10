// The CUDA kernels over raw pointers: no LibTorch header, so that they compile wherever nvcc is found. What they
// compute of an element, a group and a sum is in cuda/arithmetic.h; cuda/round.cpp binds them to LibTorch's devices and
// streams.
#pragma once

#include <cuda_runtime_api.h>

#include "quant/job.h"

namespace vernier::quant::cuda {

/// As cpu::round_matrix, on a stream of the current device, whose memory the job points to. Returns without waiting for
/// the device, and may be captured into a CUDA graph.
///
/// e4m3     grid of the block scales of the rule e4m3
/// throws   std::runtime_error with the text of a call that failed
void round_on_stream(const Job& job, const Grid& e4m3, cudaStream_t stream);

/// As cpu::pass_within, likewise.
void pass_within_on_stream(const Job& job, const float* gradient, float low, float high, float* out,
                           cudaStream_t stream);

}  // namespace vernier::quant::cuda
