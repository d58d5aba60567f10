// Whole matrices on CPU threads: at most two passes over memory, one for the largest magnitudes (which a row, once
// read, needs no more from memory) and one to divide, round and store. The scales mse, rms and lsq sum over a group
// besides.
#pragma once

#include "quant/job.h"

namespace vernier::quant::cpu {

/// Finds the scales of a job where they are not given, then rounds where it has an output. Spreads the work over the
/// threads that LibTorch may use; serial inside an outer parallel region. Every bit is the same for any number of
/// threads.
void round_matrix(const Job& job);

/// out = gradient where low <= x / scale <= high, else 0, under the job's scales; all [rows, columns].
void pass_within(const Job& job, const float* gradient, float low, float high, float* out);

}  // namespace vernier::quant::cpu
