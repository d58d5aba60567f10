#include "quant/job.h"

#include "format/gaussian.h"
#include "format/number.h"

namespace vernier::quant {

Grid grid_of(const NumberFormat& format) {
  constexpr int kFractionBits = 23, kBias = 127, kFp32ExponentBits = 8;
  Grid grid;
  grid.path = format.kind == Kind::Integer                ? Path::Integer
              : format.exponent_bits == kFp32ExponentBits ? Path::Wide
                                                          : Path::Narrow;
  grid.lowest = static_cast<float>(format.lowest);
  grid.largest = static_cast<float>(format.largest);
  grid.significand_bits = format.significand_bits;
  grid.magic_above_value = (kFractionBits + 1 - format.significand_bits) << kFractionBits;
  grid.smallest_magic = (kBias + kFractionBits + format.smallest_exponent) << kFractionBits;
  grid.dropped_bits = kFractionBits + 1 - format.significand_bits;
  grid.odd_mask = format.significand_bits > 1 ? 1 : (1 << kFp32ExponentBits) - 1;
  grid.kept_infinity = has_infinity(format) ? kInfinityBits : -1;
  return grid;
}

Job job_for(const Number& number, std::int64_t rows, std::int64_t columns) {
  Job job;
  job.rows = rows;
  job.columns = columns;
  const bool blocks = number.granularity == Granularity::Block;
  job.group = blocks ? number.block : std::max<std::int64_t>(columns, 1);
  job.groups_per_row = blocks ? (columns + number.block - 1) / number.block : 1;
  job.granularity = number.granularity;
  job.rule = number.scale;
  job.multiple = number.scale == Scale::Rms ? gaussian_optimum(number.format) : 0;
  job.grid = grid_of(number.format);
  return job;
}

}  // namespace vernier::quant
