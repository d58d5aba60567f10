#include "model/stacked_linear.h"

#include <torch/torch.h>

#include <algorithm>

#include "model/saved_pointer.h"

namespace vernier::model {

namespace {

using quant::Operand;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Products of all members at once.
struct Products {
  const LinearNumbers* numbers;
  const std::vector<Rules>* rules;
  std::string name;

  Operand forward(const at::Tensor& x_K, const MemberNumbers& of, const char* part) const {
    return stacked(x_K, of, part, how_forward);
  }
  Operand backward(const at::Tensor& x_K, const MemberNumbers& of, const char* part) const {
    return stacked(x_K, of, part, how_backward);
  }

 private:
  template <class How>
  Operand stacked(const at::Tensor& x_K, const MemberNumbers& of, const char* part, const How& how) const {
    std::vector<quant::How> hows;
    for (const Rules& one : *rules) hows.push_back(how(one, name + part));
    return quant::stacked_operand(x_K, of, hows, (*rules)[0].exact);
  }
};

/// The numbers and rules belong to the cohort and outlive the step.
struct StackedLinear : torch::autograd::Function<StackedLinear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_KRI, const at::Tensor& w_KOI,
                            const Products& products) {
    const Operand left = products.forward(x_KRI, products.numbers->activations, ".inputs");
    const Operand right = products.forward(w_KOI, products.numbers->weights, ".weights");
    context->save_for_backward({left.values, left.scale, right.values, right.scale});
    context->saved_data["numbers"] = pointer(products.numbers);
    context->saved_data["rules"] = pointer(products.rules);
    context->saved_data["name"] = products.name;
    context->saved_data["carriers"] =
        std::vector<std::int64_t>{static_cast<std::int64_t>(left.carrier), static_cast<std::int64_t>(right.carrier)};
    return quant::product(left, right);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    auto& data = context->saved_data;
    const Products products{pointed_to<LinearNumbers>(data["numbers"]), pointed_to<std::vector<Rules>>(data["rules"]),
                            data["name"].toStringRef()};
    const auto carriers = data["carriers"].toIntVector();
    const Operand x{saved[0], saved[1], static_cast<quant::Carrier>(carriers[0])};
    const Operand w{saved[2], saved[3], static_cast<quant::Carrier>(carriers[1])};
    const at::Tensor& g_KRO = gradients[0];
    at::Tensor to_x;
    if (context->needs_input_grad(0))
      to_x = quant::product(products.backward(g_KRO, products.numbers->input_gradients, ".input_gradient"),
                            quant::transposed(w));
    const at::Tensor to_w =
        quant::product(products.backward(g_KRO.transpose(1, 2), products.numbers->weight_gradients, ".weight_gradient"),
                       quant::transposed(x));
    return {to_x, to_w, at::Tensor()};
  }
};

}  // namespace

bool stacks(const LinearNumbers& n, const std::vector<Rules>& rules, bool on_cpu) {
  const auto simple = [&](const Rules& one) {
    return one.estimator == Estimator::Identity && one.rotation == 0 && one.exact == rules[0].exact;
  };
  const auto all_alike = [&](const MemberNumbers& numbers) { return quant::alike(numbers, rules[0].exact, on_cpu); };
  return rules.size() > 1 && std::all_of(rules.begin(), rules.end(), simple) && all_alike(n.weights) &&
         all_alike(n.activations) && all_alike(n.input_gradients) && all_alike(n.weight_gradients);
}

at::Tensor stacked_linear(const at::Tensor& x_KRI, const at::Tensor& w_KOI, const LinearNumbers& numbers,
                          const std::vector<Rules>& rules, const std::string& name) {
  return StackedLinear::apply(x_KRI, w_KOI, Products{&numbers, &rules, name});
}

}  // namespace vernier::model
