#include "model/cpu/rounded_tensor.h"

#include <bit>

#include "quant/cpu/kernels.h"
#include "quant/cpu/round.h"
#include "quant/cpu/scales.h"

namespace vernier::model::cpu {

RoundedTensor::RoundedTensor(const Number& number, std::int64_t rows, std::int64_t columns, quant::Store store,
                             float* source, Room& room)
    : rounded_(number.rounded) {
  if (!rounded_) {
    values_ = source_ = room.take<float>(rows * columns);
    return;
  }
  job_ = quant::job_for(number, rows, columns);
  job_.store = store;
  job_.x = source_ = source;
  job_.out = values_ = store == quant::Store::Bf16 ? static_cast<void*>(room.take<std::uint16_t>(rows * columns))
                                                   : room.take<float>(rows * columns);
  const bool scaled = number.scale != Scale::None;
  job_.scales = scaled ? room.take<float>(job_.groups()) : nullptr;
  const bool tensor = number.granularity == Granularity::Tensor;
  whole_ = scaled && (number.scale == Scale::E4m3 || (tensor && needs_whole_group(number.scale)));
  by_absmax_ = scaled && tensor && !whole_;
}

RoundedTensor& RoundedTensor::operator=(const RoundedTensor& other) {
  rounded_ = other.rounded_;
  whole_ = other.whole_;
  by_absmax_ = other.by_absmax_;
  job_ = other.job_;
  source_ = other.source_;
  values_ = other.values_;
  absmax_ = other.absmax_.load();
  return *this;
}

void RoundedTensor::begin(const quant::Rounder& rounder, std::int64_t rows) {
  job_.rounder = rounder;
  job_.rows = rows;
  absmax_ = 0;
}

void RoundedTensor::note(const float* x, std::int64_t count) {
  if (!by_absmax_) return;
  const auto mine = std::bit_cast<std::int32_t>(quant::cpu::absmax(x, count));
  std::int32_t seen = absmax_.load(std::memory_order_relaxed);
  while (seen < mine && !absmax_.compare_exchange_weak(seen, mine, std::memory_order_relaxed)) {
  }
}

void RoundedTensor::settle() {
  if (whole_) quant::cpu::round_matrix(job_);
  if (!by_absmax_) return;
  *job_.scales = std::bit_cast<float>(absmax_.load());
  quant::cpu::scales_from_absmax(job_.scales, 1, job_.rule, job_.grid);
}

void RoundedTensor::round(std::int64_t first_row, std::int64_t rows) {
  if (!rounded_ || whole_) return;
  const std::int64_t first = first_row * job_.columns;
  const std::int64_t size = job_.store == quant::Store::Bf16 ? sizeof(std::uint16_t) : sizeof(float);
  quant::Job part = job_;
  part.x += first;
  part.out = static_cast<std::byte*>(part.out) + first * size;
  part.first += first;
  part.rows = rows;
  part.scales_given = by_absmax_;
  if (!by_absmax_ && part.scales != nullptr) part.scales += first_row * job_.groups_per_row;
  quant::cpu::round_matrix(part);
}

}  // namespace vernier::model::cpu
