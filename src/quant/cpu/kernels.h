// The vector kernels over raw fp32 runs: one source in Highway, compiled for several instruction sets, chosen at run
// time. They know nothing of tensors and threads; cpu/round.cpp drives them.
#pragma once

#include <cstdint>

#include "quant/grid.h"

namespace vernier::quant::cpu {

/// A run of elements that are rounded alike. Element i of the run is element first + i of its tensor, which is what a
/// stochastic draw depends on.
struct Run {
  const float* x = nullptr;
  void* out = nullptr;  ///< of the type that `store` names
  std::int64_t count = 0, first = 0;
  Store store = Store::Grid;
  Rounder rounder;
  const Grid* grid = nullptr;
  bool past_cache = false;  ///< write around the caches, as for outputs that are larger than they are
};

/// Divides by the scale, a true division, rounds and stores; see Grid for zeros, infinities and NaN. `out` may not
/// overlap `x`.
void round_run(const Run& run, float scale);

/// The same for blocks of `block` elements, each with its own scale; the last may be short.
void round_blocks(const Run& run, const float* scales, std::int64_t block);

/// Largest magnitude of all elements but NaN.
float absmax(const float* x, std::int64_t count);
void absmax_of_blocks(const float* x, float* absmax, std::int64_t count, std::int64_t block);

/// What a sum adds up; Nan counts them.
enum class Term { Magnitude, Square, SquaredError, Nan };

/// One chunk of at most kSumChunk terms, in double and in the order of format/scale_search.h; a NaN adds nothing else.
/// Scale and grid are those of SquaredError.
double chunk_sum(Term term, const float* x, std::int64_t count, float scale, const Grid& grid);

/// gradient where low <= x / scale <= high, else 0.
void pass_within(const float* gradient, const float* x, float* out, std::int64_t count, float scale, float low,
                 float high);

/// out[i] is Stream(key).draw31(first + i).
void draws(std::uint64_t key, std::int64_t first, std::int64_t count, std::int32_t* out);

}  // namespace vernier::quant::cpu
