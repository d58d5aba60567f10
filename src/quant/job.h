// What a rounding kernel is told, on every device: raw pointers, sizes, and the number as data.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/grid.h"

namespace vernier {
struct Number;
}

namespace vernier::quant {

struct Job {
  const float* x = nullptr;  ///< [rows, columns], row after row
  void* out = nullptr;       ///< as x, of the type that `store` names; null: only the scales are wanted
  float* scales = nullptr;   ///< one per group of a row, or one in all; null for a cast
  std::int64_t rows = 0, columns = 0;
  std::int64_t first = 0;  ///< place of x[0] in its tensor, on which draws depend; CPU kernels only
  std::int64_t group = 1, groups_per_row = 1;  ///< elements of a row that share a scale
  Granularity granularity = Granularity::Tensor;
  Scale rule = Scale::None;
  bool scales_given = false;  ///< `scales` is read, not found
  double multiple = 0;        ///< of the scale rms
  Store store = Store::Grid;
  Rounder rounder;
  Grid grid;

  std::int64_t elements() const { return rows * columns; }
  std::int64_t groups() const { return granularity == Granularity::Tensor ? 1 : rows * groups_per_row; }
  std::int64_t group_length() const { return granularity == Granularity::Tensor ? elements() : group; }
};

/// Sizes of a job on a matrix; pointers, store and rounder are the caller's to fill.
Job job_for(const Number& number, std::int64_t rows, std::int64_t columns);

}  // namespace vernier::quant
