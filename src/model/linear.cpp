#include "model/linear.h"

#include <torch/torch.h>

#include <algorithm>

#include "quant/estimator.h"
#include "quant/quantize.h"

namespace vernier::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// An operand of a product: what is multiplied, and the scale that the product's result still needs.
struct Operand {
  at::Tensor values;  ///< [rows, inputs]
  at::Tensor scale;   ///< [1] or [rows, 1]; undefined: none
};

Operand operand_of(const at::Tensor& x, const Number& number) {
  if (!number.rounded) return {x, {}};
  if (number.granularity == Granularity::Block && number.scale != Scale::None)
    return {quant::fake_quantized(x, number), {}};
  const quant::OnGrid on_grid = quant::onto_grid(x, number);
  return {on_grid.grid, on_grid.scale};
}

void apply_row_scale(at::Tensor& y, const at::Tensor& scale) {
  if (scale.defined()) y.mul_(scale);
}
void apply_column_scale(at::Tensor& y, const at::Tensor& scale) {
  if (scale.defined()) y.mul_(scale.numel() == 1 ? scale : scale.view({1, -1}));
}

at::Tensor scaled(const at::Tensor& x, const at::Tensor& scale) {
  return scale.defined() ? x * (scale.numel() == 1 ? scale.view({1, 1}) : scale) : x;
}

struct RoundedLinear : torch::autograd::Function<RoundedLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& w,
                            const Number* activation, const Number* weight, const Number* gradient) {
    const Operand left = operand_of(x.contiguous(), *activation), right = operand_of(w.contiguous(), *weight);
    at::Tensor y = at::mm(left.values, right.values.t());
    apply_row_scale(y, left.scale);
    apply_column_scale(y, right.scale);
    context->save_for_backward({left.values, left.scale, right.values, right.scale});
    context->saved_data["gradient"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(gradient));
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &x_scale = saved[1], &w = saved[2], &w_scale = saved[3];
    const auto& number =
        *reinterpret_cast<const Number*>(static_cast<std::intptr_t>(context->saved_data["gradient"].toInt()));
    const at::Tensor g = quant::fake_quantized(gradients[0].contiguous(), number);
    at::Tensor x_gradient, w_gradient;
    if (context->needs_input_grad(0)) {  // (g s_w) w: the scale of an output is the scale of a term of this sum
      const at::Tensor per_output = w_scale.defined() ? w_scale.view({1, -1}) : w_scale;
      x_gradient = at::mm(scaled(g, per_output), w);
    }
    if (x_scale.defined() && x_scale.numel() == 1) {
      w_gradient = at::mm(g.t(), x).mul_(x_scale);
    } else {
      w_gradient = at::mm(scaled(g, x_scale).t(), x);
    }
    return {x_gradient, w_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rounded_linear(const at::Tensor& x_KRI, const at::Tensor& w_KOI, const LinearNumbers& n) {
  const std::int64_t members = w_KOI.size(0);
  const auto plain = [](const Number& number) { return !number.rounded; };
  const bool all_plain = std::all_of(n.weights.begin(), n.weights.end(), plain) &&
                         std::all_of(n.activations.begin(), n.activations.end(), plain) &&
                         std::all_of(n.gradients.begin(), n.gradients.end(), plain);
  if (all_plain && members > 1) return at::bmm(x_KRI, w_KOI.transpose(1, 2));
  const auto one = [&](std::size_t k, const at::Tensor& x, const at::Tensor& w) {
    return RoundedLinear::apply(x, w, &n.activations[k], &n.weights[k], &n.gradients[k]);
  };
  if (members == 1) return one(0, x_KRI.squeeze(0), w_KOI.squeeze(0)).unsqueeze(0);
  std::vector<at::Tensor> products;
  for (std::int64_t k = 0; k < members; ++k) products.push_back(one(static_cast<std::size_t>(k), x_KRI[k], w_KOI[k]));
  return at::stack(products);
}

at::Tensor rounded(const at::Tensor& x_K, const MemberNumbers& numbers) {
  if (std::none_of(numbers.begin(), numbers.end(), [](const Number& number) { return number.rounded; })) return x_K;
  if (numbers.size() == 1) return quant::straight_through(x_K, numbers[0]);
  std::vector<at::Tensor> parts;
  for (std::size_t k = 0; k < numbers.size(); ++k)
    parts.push_back(quant::straight_through(x_K[static_cast<std::int64_t>(k)], numbers[k]));
  return at::stack(parts);
}

}  // namespace vernier::model
