// The CUDA kernels of the end of a step over raw pointers of the current device: no LibTorch header, so that they
// compile wherever nvcc is found.
#pragma once

#include <cuda_runtime_api.h>

#include "train/cuda/arithmetic.h"

namespace vernier::train::cuda {

/// Norms, clipping and AdamW of all members. Nothing of it waits for the host, it may be captured into a CUDA graph,
/// and its sums have an order that never changes.
///
/// throws   std::runtime_error with the text of a launch that failed
void finish_on_stream(const Storages& storages, const Constants& constants, const StepMemory& memory,
                      cudaStream_t stream);

}  // namespace vernier::train::cuda
