#include "quant/cpu/round.h"

#include <ATen/Parallel.h>

#include <atomic>

#include "quant/cpu/loops.h"

namespace vernier::quant::cpu {

namespace {

constexpr std::int64_t kGrain = 32768;  ///< elements that are worth a thread
constexpr int kDoubleFractionBits = 52, kDoubleBias = 1023, kLargestE8m0Exponent = 127;

using AbsmaxRow = void (*)(const float*, float*, std::int64_t, std::int64_t);
using RoundRow = void (*)(const float*, float*, const float*, std::int64_t, std::int64_t, const Grid&);
using CastGroup = void (*)(const float*, float*, std::int64_t, const Grid&);

AbsmaxRow absmax_row_for(std::int64_t group) {
  return group == 16 ? absmax_row<16> : group == 32 ? absmax_row<32> : absmax_row<0>;
}

template <Path path, bool dequantize>
RoundRow round_row_for(std::int64_t group) {
  return group == 16   ? round_row<path, dequantize, 16>
         : group == 32 ? round_row<path, dequantize, 32>
                       : round_row<path, dequantize, 0>;
}

template <Path path>
RoundRow round_row_for(const Job& job) {
  return job.dequantize ? round_row_for<path, true>(job.group) : round_row_for<path, false>(job.group);
}

RoundRow round_row_for(Path path, const Job& job) {
  switch (path) {
    case Path::Integer:
      return round_row_for<Path::Integer>(job);
    case Path::Narrow:
      return round_row_for<Path::Narrow>(job);
    default:
      return round_row_for<Path::Wide>(job);
  }
}

CastGroup cast_group_for(Path path) {
  switch (path) {
    case Path::Integer:
      return cast_group<Path::Integer>;
    case Path::Narrow:
      return cast_group<Path::Narrow>;
    default:
      return cast_group<Path::Wide>;
  }
}

/// Work on elements or rows, whichever `unit` elements long, in ranges that are worth a thread.
template <class Body>
void in_ranges(std::int64_t count, std::int64_t unit, const Body& body) {
  at::parallel_for(0, count, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(unit, 1)), body);
}

/// A double holds every fp32 as a normal number, so its exponent bits are the exponent.
int floor_log2(std::int64_t bits_of_double) {
  return static_cast<int>(bits_of_double >> kDoubleFractionBits) - kDoubleBias;
}
int ceil_log2(std::int64_t bits_of_double) {
  return floor_log2(bits_of_double) + ((bits_of_double & ((1LL << kDoubleFractionBits) - 1)) != 0 ? 1 : 0);
}
std::int64_t double_bits(float x) { return std::bit_cast<std::int64_t>(static_cast<double>(x)); }

float underflow_kept(float scale, float absmax) { return scale == 0 && absmax > 0 ? kSmallestFloat : scale; }

float e8m0_scale(float absmax, Scale rule, const Grid& grid) {
  const int top = floor_log2(double_bits(grid.largest));
  int exponent = 0;
  switch (rule) {
    case Scale::E8m0Ceil:
      exponent = ceil_log2(double_bits(absmax)) - top;
      break;
    // Only a carry out of the fraction matters here, and there half up is half to even.
    case Scale::E8m0Even:
      exponent = floor_log2(double_bits(absmax) + (1LL << (kDoubleFractionBits - grid.significand_bits))) - top;
      break;
    case Scale::E8m0Rceil:
      exponent = ceil_log2(double_bits(underflow_kept(absmax / grid.largest, absmax)));
      break;
    default:
      exponent = floor_log2(double_bits(absmax)) - top;
      break;
  }
  const std::int64_t bounded = std::clamp(exponent, -kLargestE8m0Exponent, kLargestE8m0Exponent);
  return static_cast<float>(std::bit_cast<double>((bounded + kDoubleBias) << kDoubleFractionBits));
}

void scale_in_two_levels(float* absmax, std::int64_t count, const Grid& grid) {
  static const Grid e4m3 = grid_of(format_named("e4m3"));
  float tensor_absmax = 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (bits_of(absmax[i]) != kInfinityBits) tensor_absmax = std::max(tensor_absmax, absmax[i]);
  const float tensor_scale = std::max(tensor_absmax / (grid.largest * kLargestE4m3), kSmallestFloat);
  for (std::int64_t i = 0; i < count; ++i) {
    const float block = std::max(on_grid<Path::Narrow>(absmax[i] / grid.largest / tensor_scale, e4m3), kSmallestE4m3);
    const bool special = absmax[i] == 0 || bits_of(absmax[i]) == kInfinityBits;
    absmax[i] = special ? absmax[i] : std::max(block * tensor_scale, kSmallestFloat);
  }
}

void round_one_tensor(const Job& job, const Number& number, const Grid& grid) {
  const std::int64_t count = job.rows * job.columns;
  std::atomic<std::int32_t> largest{0};
  in_ranges(count, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int32_t mine = bits_of(absmax_of(job.x + begin, end - begin));
    std::int32_t seen = largest.load();
    while (seen < mine && !largest.compare_exchange_weak(seen, mine)) {
    }
  });
  *job.scales = float_of(largest.load());
  scales_from_absmax(job.scales, 1, number, grid);
  const RoundRow round = round_row_for(grid.path, {.group = 0, .dequantize = job.dequantize});
  in_ranges(count, 1, [&](std::int64_t begin, std::int64_t end) {
    round(job.x + begin, job.out + begin, job.scales, end - begin, end - begin, grid);
  });
}

void round_rows(const Job& job, const Number& number, const Grid& grid) {
  const AbsmaxRow absmax = absmax_row_for(job.group);
  const RoundRow round = round_row_for(grid.path, job);
  const auto find = [&](std::int64_t row) {
    absmax(job.x + row * job.columns, job.scales + row * job.groups_per_row, job.columns, job.group);
  };
  const auto store = [&](std::int64_t row) {
    const std::int64_t at = row * job.columns;
    round(job.x + at, job.out + at, job.scales + row * job.groups_per_row, job.columns, job.group, grid);
  };
  if (number.scale == Scale::E4m3) {  // every block must be known before the first can be rounded
    in_ranges(job.rows, job.columns, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) find(row);
    });
    scale_in_two_levels(job.scales, job.rows * job.groups_per_row, grid);
    in_ranges(job.rows, job.columns, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) store(row);
    });
    return;
  }
  in_ranges(job.rows, job.columns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      find(row);
      scales_from_absmax(job.scales + row * job.groups_per_row, job.groups_per_row, number, grid);
      store(row);
    }
  });
}

}  // namespace

void scales_from_absmax(float* absmax, std::int64_t count, const Number& number, const Grid& grid) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (number.scale == Scale::Absmax)
      absmax[i] = underflow_kept(absmax[i] / grid.largest, absmax[i]);
    else if (bits_of(absmax[i]) != kInfinityBits)
      absmax[i] = e8m0_scale(absmax[i], number.scale, grid);
  }
}

void round_matrix(const Job& job, const Number& number) {
  const Grid grid = grid_of(number.format);
  if (job.rows == 0 || job.columns == 0) {  // groups without elements have the scale of zeros
    const std::int64_t groups = number.granularity == Granularity::Tensor ? 1 : job.rows * job.groups_per_row;
    if (job.scales == nullptr) return;
    std::fill_n(job.scales, groups, 0.0F);
    scales_from_absmax(job.scales, groups, number, grid);
  } else if (number.scale == Scale::None) {
    const CastGroup cast = cast_group_for(grid.path);
    in_ranges(job.rows * job.columns, 1,
              [&](std::int64_t begin, std::int64_t end) { cast(job.x + begin, job.out + begin, end - begin, grid); });
  } else if (number.granularity == Granularity::Tensor) {
    round_one_tensor(job, number, grid);
  } else {
    round_rows(job, number, grid);
  }
}

}  // namespace vernier::quant::cpu
