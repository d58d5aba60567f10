#include "model/linear.h"

#include <torch/torch.h>

#include <algorithm>

#include "model/saved_pointer.h"
#include "model/stacked_linear.h"
#include "quant/estimator.h"
#include "quant/hadamard.h"

namespace vernier::model {

namespace {

using quant::Operand;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// One member's product; the numbers and rules belong to the cohort and outlive the step.
struct Product {
  const LinearNumbers* numbers;
  const Rules* rules;
  std::size_t member;
  std::string name;

  const Number& weights() const { return numbers->weights[member]; }
  const Number& activations() const { return numbers->activations[member]; }
  bool turns() const { return rules->rotation > 0 && (weights().rounded || activations().rounded); }
};

/// A tensor turned along its columns, where the member's rules say so.
at::Tensor turned(const at::Tensor& x_RC, const Rules& rules, const std::string& axis) {
  return quant::rotated(x_RC.contiguous(), rules.rotation, rules.signs.child(axis));
}

using MaybeTensor = std::optional<at::Tensor>;  // autograd takes one, but no undefined tensor

/// The scale given by a learned logarithm; undefined where there is none.
at::Tensor learned(const MaybeTensor& log_scale, const at::Tensor& x_RC, const Number& number) {
  if (!log_scale) return {};
  const at::Tensor scale = log_scale->exp();
  return number.granularity == Granularity::Tensor ? scale : scale.view({x_RC.size(0), -1});
}

/// An operand, and the scales of all its groups (also where they are multiplied in already), which an estimator asks
/// for.
struct Rounded {
  Operand operand;
  at::Tensor scale;
};

Rounded forward_operand(const at::Tensor& x_RC, const Number& number, const Product& product, const std::string& part,
                        const MaybeTensor& log_scale) {
  quant::How how = how_forward(*product.rules, product.name + part);
  how.scale = learned(log_scale, x_RC, number);
  if (product.rules->estimator != Estimator::Identity && !how.scale.defined())
    how.scale = quant::scales_of(x_RC, number);
  return {quant::operand_of(x_RC, number, how, product.rules->exact), how.scale};
}

/// g along the axis that its product contracts, and the partner, both turned where the gradient is rounded and the
/// rules say so, multiplied.
at::Tensor backward_product(const at::Tensor& g, const Operand& partner, const Number& number, const Product& product,
                            const std::string& part) {
  const std::string name = product.name + part;
  if (!number.rounded) return quant::product({g, {}, quant::Carrier::Fp32}, partner);
  const quant::How how = how_backward(*product.rules, name);
  if (product.rules->rotation == 0)
    return quant::product(quant::operand_of(g.contiguous(), number, how, product.rules->exact), partner);
  const at::Tensor values = partner.values.to(at::kFloat);
  const Operand other{turned(values, *product.rules, name), partner.scale, quant::Carrier::Fp32};
  return quant::product(quant::operand_of(turned(g, *product.rules, name), number, how, product.rules->exact), other);
}

/// What reaches an operand of the gradient of its rounded and turned values.
struct Reached {
  at::Tensor values, log_scale;
};

Reached reached(const at::Tensor& gradient, const at::Tensor& x_RC, const at::Tensor& scale, const Number& number,
                const Product& product, bool learns) {
  const Rules& rules = *product.rules;
  Reached result{gradient, {}};
  if (rules.estimator != Estimator::Identity && number.rounded) {
    const at::Tensor g = gradient.contiguous();
    if (learns) result.log_scale = quant::log_scale_gradient(g, x_RC, scale, number).flatten();
    result.values = quant::passed(g, x_RC, scale, number, rules.estimator);
  }
  if (product.turns())
    result.values = quant::rotated_back(result.values.contiguous(), rules.rotation, rules.signs.child(product.name));
  return result;
}

struct RoundedLinear : torch::autograd::Function<RoundedLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_RI, const at::Tensor& w_OI,
                            const MaybeTensor& x_log_scale, const MaybeTensor& w_log_scale, const Product& product) {
    const bool turns = product.turns();
    const at::Tensor x = turns ? turned(x_RI, *product.rules, product.name) : x_RI.contiguous();
    const at::Tensor w = turns ? turned(w_OI, *product.rules, product.name) : w_OI.contiguous();
    const auto [left, x_scale] = forward_operand(x, product.activations(), product, ".inputs", x_log_scale);
    const auto [right, w_scale] = forward_operand(w, product.weights(), product, ".weights", w_log_scale);
    const bool whole = product.rules->estimator != Estimator::Identity;  // the estimator looks at what was rounded
    context->save_for_backward({left.values, left.scale, right.values, right.scale, whole ? x : at::Tensor(), x_scale,
                                whole ? w : at::Tensor(), w_scale});
    context->saved_data["numbers"] = pointer(product.numbers);
    context->saved_data["rules"] = pointer(product.rules);
    context->saved_data["member"] = static_cast<std::int64_t>(product.member);
    context->saved_data["name"] = product.name;
    context->saved_data["carriers"] =
        std::vector<std::int64_t>{static_cast<std::int64_t>(left.carrier), static_cast<std::int64_t>(right.carrier)};
    context->saved_data["learns"] = std::vector<std::int64_t>{x_log_scale.has_value(), w_log_scale.has_value()};
    return quant::product(left, right);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    auto& data = context->saved_data;
    const Product product{pointed_to<LinearNumbers>(data["numbers"]), pointed_to<Rules>(data["rules"]),
                          static_cast<std::size_t>(data["member"].toInt()), data["name"].toStringRef()};
    const auto carriers = data["carriers"].toIntVector(), learns = data["learns"].toIntVector();
    const Operand x{saved[0], saved[1], static_cast<quant::Carrier>(carriers[0])};
    const Operand w{saved[2], saved[3], static_cast<quant::Carrier>(carriers[1])};
    const at::Tensor& g_RO = gradients[0];
    Reached to_x, to_w;
    if (context->needs_input_grad(0))
      to_x = reached(backward_product(g_RO, quant::transposed(w), product.numbers->input_gradients[product.member],
                                      product, ".input_gradient"),
                     saved[4], saved[5], product.activations(), product, learns[0] != 0);
    to_w = reached(backward_product(g_RO.t(), quant::transposed(x), product.numbers->weight_gradients[product.member],
                                    product, ".weight_gradient"),
                   saved[6], saved[7], product.weights(), product, learns[1] != 0);
    return {to_x.values, to_w.values, to_x.log_scale, to_w.log_scale, at::Tensor()};
  }
};

/// A member's row of a [K, ...] tensor that may be undefined.
at::Tensor of_member(const at::Tensor& x_K, std::int64_t k) { return x_K.defined() ? x_K[k] : x_K; }
MaybeTensor maybe(const at::Tensor& x) { return x.defined() ? MaybeTensor(x) : std::nullopt; }

bool rounds(const MemberNumbers& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [](const Number& number) { return number.rounded; });
}

/// Learned scales of activations begin with the rule's scale of the first batch.
void begin_scale(const at::Tensor& log_scale_K, std::int64_t k, const at::Tensor& x_RC, const Number& number,
                 const Rules& rules) {
  if (!log_scale_K.defined() || !rules.first_step || !number.rounded) return;
  // Beside autograd's count of versions, as every parameter is a view of the same storage.
  log_scale_K[k].variable_data().copy_(quant::scales_of(x_RC.contiguous(), number).flatten().log());
}

}  // namespace

at::Tensor rounded_linear(const at::Tensor& x_KRI, const at::Tensor& w_KOI, const LinearNumbers& n,
                          const std::vector<Rules>& rules, const std::string& name, const LearnedScales& scales) {
  const std::int64_t members = w_KOI.size(0);
  const bool all_plain =
      !rounds(n.weights) && !rounds(n.activations) && !rounds(n.input_gradients) && !rounds(n.weight_gradients);
  if (all_plain && members > 1) return at::bmm(x_KRI, w_KOI.transpose(1, 2));
  const bool learns = scales.weights.defined() || scales.activations.defined();
  if (!learns && stacks(n, rules, x_KRI.is_cpu())) return stacked_linear(x_KRI, w_KOI, n, rules, name);
  std::vector<at::Tensor> products;
  for (std::int64_t k = 0; k < members; ++k) {
    const auto member = static_cast<std::size_t>(k);
    begin_scale(scales.activations, k, x_KRI[k].detach(), n.activations[member], rules[member]);
    products.push_back(RoundedLinear::apply(x_KRI[k], w_KOI[k], maybe(of_member(scales.activations, k)),
                                            maybe(of_member(scales.weights, k)),
                                            Product{&n, &rules[member], member, name}));
  }
  return members == 1 ? products[0].unsqueeze(0) : at::stack(products);
}

at::Tensor rounded(const at::Tensor& x_K, const MemberNumbers& numbers, const std::vector<Rules>& rules,
                   const std::string& name, const at::Tensor& log_scale) {
  if (!rounds(numbers)) return x_K;
  std::vector<at::Tensor> parts;
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const auto at = static_cast<std::int64_t>(k);
    const at::Tensor x = x_K[at];
    begin_scale(log_scale, at, x.detach().reshape({-1, x.size(-1)}), numbers[k], rules[k]);
    parts.push_back(quant::straight_through(x, numbers[k], how_forward(rules[k], name), rules[k].estimator,
                                            of_member(log_scale, at)));
  }
  return parts.size() == 1 ? parts[0].unsqueeze(0) : at::stack(parts);
}

}  // namespace vernier::model
