// What a rounded matrix takes to store.
#pragma once

#include <cstdint>

#include "format/number.h"

namespace vernier {

/// Bits that a matrix of this size takes under this number: of its elements and of its scales (32 bits each, 8 where
/// they are e8m0 or e4m3, and one more of 32 for the tensor under e4m3).
double stored_bits(const Number& number, std::int64_t rows, std::int64_t columns);

}  // namespace vernier
