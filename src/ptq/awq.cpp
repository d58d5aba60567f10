#include "ptq/awq.h"

#include <torch/torch.h>

#include "quant/quantize.h"

namespace vernier::ptq {

namespace {

/// s of every input; ones for a = 0.
at::Tensor scales_by(const at::Tensor& mean_abs_I, double exponent) {
  const at::Tensor s = mean_abs_I.pow(exponent);
  return s / (s.max() * s.min()).sqrt();
}

}  // namespace

QuantizedLayer awq(const Layer& layer, const Number& number) {
  QuantizedLayer best = rounded_to_nearest(layer, number);
  best.exponent = 0;
  const at::Tensor seen = layer.inputs.mean_abs_I.masked_select(layer.inputs.mean_abs_I > 0);
  if (seen.numel() == 0) return best;
  const at::Tensor mean_abs_I = layer.inputs.mean_abs_I.clamp_min(seen.min().item<double>());
  for (int step = 1; step < kExponents; ++step) {
    const double exponent = static_cast<double>(step) / kExponents;
    const at::Tensor s_I = scales_by(mean_abs_I, exponent).to(at::kFloat);
    const at::Tensor w_hat_OI = quant::fake_quantized((layer.w_OI * s_I).contiguous(), number) / s_I;
    const double error = row_errors(layer, w_hat_OI).sum().item<double>();
    if (error < best.error) best = {w_hat_OI, error, {}, {}, exponent};
  }
  return best;
}

}  // namespace vernier::ptq
