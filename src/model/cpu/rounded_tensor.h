// A matrix that is made, rounded and used tile by tile, while its tiles are in cache.
#pragma once

#include <atomic>
#include <cstdint>

#include "format/number.h"
#include "model/cpu/room.h"
#include "quant/job.h"

namespace vernier::model::cpu {

/// In this order: `begin`; `note` what was written to source(); `settle` once all is written, by one thread; `round`
/// each tile before it is read in values(). A number that is not rounded makes source() and values() the same.
class RoundedTensor {
 public:
  RoundedTensor() = default;
  /// `source` is room for the unrounded matrix, used where there is something to round.
  RoundedTensor(const Number& number, std::int64_t rows, std::int64_t columns, quant::Store store, float* source,
                Room& room);
  RoundedTensor(const RoundedTensor& other) { *this = other; }
  RoundedTensor& operator=(const RoundedTensor& other);

  /// `rows` of this time, at most those that there is room for.
  void begin(const quant::Rounder& rounder, std::int64_t rows);
  float* source() const { return source_; }
  /// Some values that were written, any part of the matrix.
  void note(const float* x, std::int64_t count);
  void settle();
  void round(std::int64_t first_row, std::int64_t rows);

  /// fp32, or bf16 where the store says so. [rows, columns]
  const void* values() const { return values_; }
  const float* floats() const { return static_cast<const float*>(values_); }
  /// One, or one per row; null where values are what they stand for.
  const float* scales() const { return job_.store == quant::Store::Value ? nullptr : job_.scales; }
  bool one_scale() const { return job_.granularity == Granularity::Tensor; }
  bool is_bf16() const { return rounded_ && job_.store == quant::Store::Bf16; }

 private:
  bool rounded_ = false;
  bool whole_ = false;      ///< its rule looks at more than the absmax of a tile's rows
  bool by_absmax_ = false;  ///< one scale for all, from the absmax of all
  quant::Job job_;
  float* source_ = nullptr;
  void* values_ = nullptr;
  std::atomic<std::int32_t> absmax_{0};  ///< as bits, which order as magnitudes do
};

}  // namespace vernier::model::cpu
