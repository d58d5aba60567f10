// The gradient through rounding.
#pragma once

#include <ATen/core/Tensor.h>

#include "format/number.h"
#include "quant/quantize.h"

namespace vernier::quant {

/// What of the gradient of a rounded matrix reaches the matrix. Each estimator passes it within an interval of x /
/// scale and drops it elsewhere (format/number.h); Trust's interval is Clipped's, wider by half of the widest step at
/// both ends, as within it no value moves further than that.
///
/// gradient_RC, x_RC   fp32 [R, C], contiguous;   scale   as OnGrid states it, undefined for a cast
at::Tensor passed(const at::Tensor& gradient_RC, const at::Tensor& x_RC, const at::Tensor& scale, const Number& number,
                  Estimator estimator);

/// Gradient of ln(scale) for a learned scale, of the scale's shape:
///
///   scale * g * sum over the group of gradient * (q - x / scale where inside, q elsewhere),   g = 1 / sqrt(n largest)
///
/// q the rounded x / scale, n the elements of the group. Source: Esser et al., arXiv 1902.08153, eq. 3 and section 2.2;
/// for the logarithm, whose step under Adam does not depend on the scale's size, Jain et al., arXiv 1903.08066.
at::Tensor log_scale_gradient(const at::Tensor& gradient_RC, const at::Tensor& x_RC, const at::Tensor& scale,
                              const Number& number);

/// fake_quantized over rows of the last axis (all leading axes are rows), any shape, with the estimator's gradient. The
/// scale is e^log_scale, which then has a gradient too, where that is defined.
at::Tensor straight_through(const at::Tensor& x, const Number& number, const How& how = {},
                            Estimator estimator = Estimator::Identity, const at::Tensor& log_scale = {});

}  // namespace vernier::quant
