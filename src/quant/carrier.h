// The carrier of a product: the type whose arithmetic holds the simulated values without an error of its own.
//
// Products are formed on unscaled grid values; scales per tensor, per output row and per token are applied to the fp32
// result. A carrier holds a format when its significand has as many bits and its exponents reach as far: bf16 carries 8
// bits (integers of up to 9, every small float), fp16 carries 11, fp32 the rest. Sums are formed in fp32 by all of
// them, so a product of integers is exact while the sum of its terms' magnitudes stays within 2^24.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "base/table.h"
#include "format/number.h"
#include "quant/quantize.h"

namespace vernier::quant {

/// From the narrowest significand to the widest.
enum class Carrier { Bf16, Fp16, Fp32 };

struct CarrierRow {
  std::string_view name;
  Carrier carrier;
};
inline constexpr std::array kCarriers{CarrierRow{"bf16", Carrier::Bf16}, CarrierRow{"fp16", Carrier::Fp16},
                                      CarrierRow{"fp32", Carrier::Fp32}};
static_assert(names_differ(kCarriers));

std::string_view name_of(Carrier carrier);

/// The narrowest carrier of a format's unscaled values. Subnormals of bf16 itself, below 2^-126, are the one exception:
/// matrix units may take them for zero.
Carrier carrier_of(const NumberFormat& format);

/// Whether the operand enters its product unscaled: it is rounded, no scale lies within the contraction (as those of
/// blocks do), and products of its values stay within fp32 (a scaled format of 7 exponent bits or more fills them).
bool enters_unscaled(const Number& number);

/// Carrier of the product of two operands: the wider of both; fp32 where one is not rounded or does not enter unscaled,
/// where `exact` asks for it, and on a CPU in place of fp16, for which it has no product.
Carrier carrier_of_product(const Number& a, const Number& b, bool exact, bool on_cpu);

/// One side of a product: rows that the product keeps, and the contracted axis along a row. Of the K members of a
/// cohort that are multiplied at once, every shape begins with K.
struct Operand {
  at::Tensor values;  ///< [rows, inner], any type that holds them
  at::Tensor scale;   ///< fp32 [1] or [rows, 1] ([K, 1, 1], [K, rows, 1]), still to be applied; undefined: none
  Carrier carrier = Carrier::Fp32;
};

/// x_RC rounded, as it enters a product; not rounded, x_RC itself. `exact` keeps it in fp32.
Operand operand_of(const at::Tensor& x_RC, const Number& number, const How& how, bool exact);

/// Whether operands of these numbers can be members of one operand: one carrier, and scales of one shape.
bool alike(const std::vector<Number>& numbers, bool exact, bool on_cpu);

/// operand_of every member of x_KRC, whose numbers are alike.
Operand stacked_operand(const at::Tensor& x_KRC, const std::vector<Number>& numbers, const std::vector<How>& hows,
                        bool exact);

/// The same values with rows and contraction exchanged; scales of rows are multiplied in, in fp32.
Operand transposed(const Operand& operand);

/// a b^T times both scales, fp32 [rows of a, rows of b], formed in the wider carrier of both.
at::Tensor product(const Operand& a, const Operand& b);

}  // namespace vernier::quant
