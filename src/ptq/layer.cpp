#include "ptq/layer.h"

#include <torch/torch.h>

#include "quant/quantize.h"

namespace vernier::ptq {

Inputs moments_of(const at::Tensor& x_RI) {
  const at::Tensor x = x_RI.to(at::kDouble);
  const auto tokens = static_cast<double>(x.size(0));
  return {at::mm(x.t(), x) / tokens, x.abs().sum(0) / tokens, x.size(0)};
}

void merge(Inputs& all, const Inputs& more) {
  if (more.tokens == 0) return;
  if (all.tokens == 0) {
    all = {more.second_II.clone(), more.mean_abs_I.clone(), more.tokens};
    return;
  }
  all.tokens += more.tokens;
  const double share = static_cast<double>(more.tokens) / static_cast<double>(all.tokens);
  all.second_II.lerp_(more.second_II, share);
  all.mean_abs_I.lerp_(more.mean_abs_I, share);
}

at::Tensor row_errors(const Layer& layer, const at::Tensor& w_hat_OI) {
  const at::Tensor off = layer.w_OI.to(at::kDouble) - w_hat_OI.to(at::kDouble);
  return (at::mm(off, layer.inputs.second_II) * off).sum(1);
}

QuantizedLayer rounded_to_nearest(const Layer& layer, const Number& number) {
  QuantizedLayer result{quant::fake_quantized(layer.w_OI, number), 0, {}, {}, {}};
  result.error = row_errors(layer, result.w_OI).sum().item<double>();
  return result;
}

}  // namespace vernier::ptq
