#include "format/stored_bits.h"

namespace vernier {

namespace {

/// [bits]; a number learns or searches its scales in fp32 unless its rule is one of the narrow ones.
double bits_of_scale(Scale scale) {
  switch (scale) {
    case Scale::None:
      return 0;
    case Scale::E8m0:
    case Scale::E8m0Ceil:
    case Scale::E8m0Even:
    case Scale::E8m0Rceil:
    case Scale::E4m3:
      return 8;
    default:
      return 32;
  }
}

}  // namespace

double stored_bits(const Number& number, std::int64_t rows, std::int64_t columns) {
  const std::int64_t groups = number.granularity == Granularity::Tensor ? 1
                              : number.granularity == Granularity::Block
                                  ? rows * ((columns + number.block - 1) / number.block)
                                  : rows;
  return number.bits() * static_cast<double>(rows * columns) +
         bits_of_scale(number.scale) * static_cast<double>(groups) + (number.scale == Scale::E4m3 ? 32 : 0);
}

}  // namespace vernier
