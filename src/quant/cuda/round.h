// Whole matrices on a CUDA device, as cpu/round.h on a CPU and equal to it bit for bit. No LibTorch header, so that the
// kernels compile wherever nvcc is found; without it cuda/absent.cpp stands in and says so.
#pragma once

#include "quant/job.h"

namespace vernier::quant::cuda {

/// As cpu::round_matrix, with pointers to the memory of CUDA device `device`, on its current stream.
void round_matrix(const Job& job, int device);

/// As cpu::pass_within.
void pass_within(const Job& job, const float* gradient, float low, float high, float* out, int device);

}  // namespace vernier::quant::cuda
