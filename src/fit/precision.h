// The precisions among which a fitted law may choose, and what each costs (LAWS.md, sections 2 and 6).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fit/cost_model.h"
#include "fit/fit.h"

namespace vernier::fit {

/// One precision: how the law sees a run of it, and what a multiply costs.
struct Choice {
  std::string format;          ///< its name; empty where the law knows bits alone
  std::optional<double> bits;  ///< P; absent where the law has none
  double cost = 1;             ///< of a multiply, one of 16 bits being 1; bits/16 unless the user says otherwise
  law::RunPoint point;         ///< without N and D
};

/// A choice that the law says nothing of.
struct LeftOut {
  std::string format, why;
};

struct Choices {
  std::vector<Choice> all;
  std::vector<LeftOut> left_out;
};

/// What a precision leaves open.
struct PrecisionOptions {
  double group = 128;             ///< elements per scale, for laws that look at it
  std::string post = "";          ///< number string of the weights quantized after training; empty: not quantized
  std::vector<FormatCost> costs;  ///< empty: bits/16
};

/// True where the law is a function of any number of bits: P is then continuous.
bool has_bits(const FitSummary& law);

/// A run with P bits in every part that the law knows, for laws with has_bits(). float_bits: exponent and mantissa bits
/// of the best split, Mb = nu P/(delta + nu) - 0.5, P = Eb + Mb + 1. gmse: the error of the integer format of so many
/// bits, ln error linear between integers. Laws of quantization after training: the bits are those of the weights then,
/// and training was not rounded.
law::RunPoint point_at_bits(const FitSummary& law, const std::vector<double>& parameters, double bits,
                            const PrecisionOptions& options = {});

/// The single precisions of a law: those of its labels, with the baseline of 16 bits; with costs, the formats listed
/// and 16 bits at 1. A pair of formats of chinchilla_outer costs a third of its forward and two thirds of its backward
/// format, as two of the three products of training are backward. Throws Error for costs of a law without precision.
Choices choices_of(const FitSummary& law, const PrecisionOptions& options);

}  // namespace vernier::fit
