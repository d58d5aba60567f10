// What one thread does with its share of a span of elements: load, find the largest, round, store.
#pragma once

#include "quant/cuda/arithmetic.h"
#include "quant/job.h"

namespace vernier::quant::cuda {

/// Threads that share a span of elements, by turns: this one is number `index` of `size`.
struct Team {
  std::int64_t index, size;
};

struct Span {
  std::int64_t first, count;
};

__device__ inline std::int64_t groups_of(const Job& job) {
  return job.granularity == Granularity::Tensor ? 1 : job.rows * job.groups_per_row;
}

/// Elements of a group; none beyond the last one.
__device__ inline Span span_of(const Job& job, std::int64_t group) {
  if (group >= groups_of(job)) return {0, 0};
  if (job.granularity == Granularity::Tensor) return {0, job.rows * job.columns};
  const std::int64_t row = group / job.groups_per_row, column = group % job.groups_per_row * job.group;
  return {row * job.columns + column, min(job.group, job.columns - column)};
}

// ---- cells: W neighbours that a thread loads and stores at once

template <class Value, int W>
struct alignas(sizeof(Value) * W) Cell {
  Value values[W];
};

/// Of W elements as many as there are `left`; zeros beside them.
template <int W>
__device__ Cell<float, W> load(const float* x, std::int64_t left) {
  if (left >= W) return *reinterpret_cast<const Cell<float, W>*>(x);
  Cell<float, W> cell{};
#pragma unroll
  for (int i = 0; i < W; ++i)
    if (i < left) cell.values[i] = x[i];
  return cell;
}

template <class Value, int W>
__device__ void store(const Cell<Value, W>& cell, Value* out, std::int64_t left) {
  if (left >= W) {
    *reinterpret_cast<Cell<Value, W>*>(out) = cell;
    return;
  }
#pragma unroll
  for (int i = 0; i < W; ++i)
    if (i < left) out[i] = cell.values[i];
}

// ---- one span, by a team

/// Bits of the largest magnitude that this thread sees, of those up to `most`.
template <int W>
__device__ std::int32_t largest_of(const float* x, std::int64_t count, std::int32_t most, Team team) {
  std::int32_t largest = 0;
  for (std::int64_t at = team.index * W; at < count; at += team.size * W) {
    const Cell<float, W> cell = load<W>(x + at, count - at);
#pragma unroll
    for (int i = 0; i < W; ++i) largest = larger(largest, magnitude_up_to(most, cell.values[i]));
  }
  return largest;
}

/// Stores W grid values that lie from element `at` of the job on.
template <int W>
__device__ void put(const Job& job, std::int64_t at, Cell<float, W> grid, float scale, std::int64_t left) {
  if (job.store == Store::Bf16) {
    Cell<std::uint16_t, W> high;
#pragma unroll
    for (int i = 0; i < W; ++i)
      high.values[i] = static_cast<std::uint16_t>(bits_as<std::uint32_t>(grid.values[i]) >> 16);
    store(high, static_cast<std::uint16_t*>(job.out) + at, left);
    return;
  }
#pragma unroll
  for (int i = 0; i < W; ++i)
    if (job.store == Store::Value) grid.values[i] *= scale;
  store(grid, static_cast<float*>(job.out) + at, left);
}

/// A cell of four begins where a block of four draws does.
template <int W>
__device__ void round_span(const Job& job, Span span, float scale, Team team) {
  const bool draws_anew = job.rounder.rounding == Rounding::Stochastic;
  const std::uint64_t key = draws_anew && job.rounder.key_at != nullptr ? *job.rounder.key_at : job.rounder.key;
  for (std::int64_t at = team.index * W; at < span.count; at += team.size * W) {
    const std::int64_t element = span.first + at;
    Cell<float, W> cell = load<W>(job.x + element, span.count - at);
    Draws draws{};
    if (draws_anew) draws = draws_of(key, static_cast<std::uint64_t>(element / 4));
#pragma unroll
    for (int i = 0; i < W; ++i) {
      const int word = W == 4 ? i : static_cast<int>(element % 4);
      cell.values[i] = rounded(cell.values[i], scale, job.grid, {job.rounder.rounding, draw31(draws, word)});
    }
    put<W>(job, element, cell, scale, span.count - at);
  }
}

/// The gradients of a job's elements, and where they may pass.
struct Passing {
  const float* gradient;
  float* out;
  float low, high;
};

template <int W>
__device__ void pass_span(const Job& job, const Passing& passing, Span span, float scale, Team team) {
  for (std::int64_t at = team.index * W; at < span.count; at += team.size * W) {
    const std::int64_t element = span.first + at, left = span.count - at;
    const Cell<float, W> x = load<W>(job.x + element, left);
    Cell<float, W> gradient = load<W>(passing.gradient + element, left);
#pragma unroll
    for (int i = 0; i < W; ++i)
      gradient.values[i] = passed_within(gradient.values[i], x.values[i], scale, passing.low, passing.high);
    store(gradient, passing.out + element, left);
  }
}

}  // namespace vernier::quant::cuda
