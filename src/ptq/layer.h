// One matrix of a model, what is known of its inputs, and its quantized copy.
//
// Axes: O output row, I input column, R row (one token).
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "format/number.h"

namespace vernier::ptq {

/// Moments of a matrix's inputs over the calibration tokens, in double precision.
struct Inputs {
  at::Tensor second_II;   ///< H = mean of x x^T [I, I]
  at::Tensor mean_abs_I;  ///< mean of |x| [I]
  std::int64_t tokens = 0;
};

Inputs moments_of(const at::Tensor& x_RI);

/// Takes the moments of more tokens into `all`, which may be empty still.
void merge(Inputs& all, const Inputs& more);

struct Layer {
  std::string name;  ///< as in checkpoints
  at::Tensor w_OI;   ///< as trained, fp32
  Inputs inputs;
};

struct QuantizedLayer {
  at::Tensor w_OI;                       ///< fp32: values of the number times their scales
  double error = 0;                      ///< of the output, see row_errors, summed over rows
  std::optional<double> damping;         ///< that the factorisation needed, a share of H's mean diagonal (GPTQ)
  std::optional<std::int64_t> rows_rtn;  ///< rows that stayed rounded to nearest, which was better for them (GPTQ)
  std::optional<double> exponent;        ///< a of the scales mean|x|^a (AWQ)
};

/// Mean squared error of each output over the calibration tokens, (w - w_hat) H (w - w_hat)^T row by row, in double
/// precision: [O].
at::Tensor row_errors(const Layer& layer, const at::Tensor& w_hat_OI);

/// Every weight rounded to nearest under the number's own scales.
QuantizedLayer rounded_to_nearest(const Layer& layer, const Number& number);

}  // namespace vernier::ptq
