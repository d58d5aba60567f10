// The fused CPU kernel: one pass for the largest magnitudes, one to divide, round and store. Raw pointers and sizes.
#pragma once

#include <cstdint>

#include "quant/grid.h"

namespace vernier::quant::cpu {

/// What one call works on: x and out are [rows, columns], row after row, scales one per group of a row (one in all
/// where granularity is Tensor).
struct Job {
  const float* x = nullptr;
  float* out = nullptr;
  float* scales = nullptr;  ///< written; null for a cast
  std::int64_t rows = 0, columns = 0;
  std::int64_t group = 0;  ///< elements of a row that share a scale
  std::int64_t groups_per_row = 0;
  bool dequantize = false;  ///< out holds grid * scale, else grid
};

/// Spreads rows over threads; serial inside an outer parallel region.
void round_matrix(const Job& job, const Number& number);

/// The scales of groups, from the largest magnitudes of their elements, in place; see scale_of in
/// format/quantize_matrix.h.
void scales_from_absmax(float* absmax, std::int64_t count, const Number& number, const Grid& grid);

}  // namespace vernier::quant::cpu
