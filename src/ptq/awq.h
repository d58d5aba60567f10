// AWQ: larger weights, and so a finer grid, for the inputs that matter.
#pragma once

#include "ptq/layer.h"

namespace vernier::ptq {

inline constexpr int kExponents = 20;

/// w_hat = round(w s) / s with s = mean|x|^a per input column, a of 0, 1/20, ... 19/20 with the least output error on
/// the calibration tokens; a = 0 is rounding to nearest, so the error is never above that one's. s is divided by
/// sqrt(max s min s), which changes nothing but the phase of scales that are powers of two; an input that calibration
/// never saw counts as the smallest one that it saw. 1/s is folded: w_hat is what the layer multiplies.
///
/// source  Lin et al., arXiv 2306.00978, section 3.2 and its reference implementation (without its clipping search)
QuantizedLayer awq(const Layer& layer, const Number& number);

}  // namespace vernier::ptq
