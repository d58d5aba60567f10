#include "model/rounding.h"

namespace vernier::model {

CohortNumbers cohort_numbers(const std::vector<NumbersSpec>& members) {
  CohortNumbers all;
  const Number plain = parse_number("fp32");
  const auto add = [](LinearNumbers& to, const Number& weights, const Number& activations,
                      const Number& input_gradients, const Number& weight_gradients) {
    to.weights.push_back(weights);
    to.activations.push_back(activations);
    to.input_gradients.push_back(input_gradients);
    to.weight_gradients.push_back(weight_gradients);
  };
  for (const NumbersSpec& spec : members) {
    add(all.blocks, parse_number(spec.weights), parse_number(spec.activations),
        parse_number(spec.input_gradients.value_or(spec.gradients)),
        parse_number(spec.weight_gradients.value_or(spec.gradients)));
    add(all.embedding, parse_number(spec.embedding), plain, plain, plain);
    add(all.head, parse_number(spec.head), plain, plain, plain);
    all.kv.push_back(parse_number(spec.kv));
    all.attention.push_back(parse_number(spec.attention));
  }
  return all;
}

Rules rules_of(const NumbersSpec& spec, std::int64_t seed, bool exact, std::int64_t step) {
  const Stream root(static_cast<std::uint64_t>(seed));
  Rules rules;
  rules.forward = row_named("rounding", kRoundings, spec.rounding).rounding;
  rules.backward = row_named("rounding", kRoundings, spec.backward_rounding.value_or(spec.rounding)).rounding;
  rules.estimator = row_named("estimator", kEstimators, spec.estimator).estimator;
  rules.rotation = row_named("rotation", kRotations, spec.rotation.value_or("none")).block;
  rules.exact = exact;
  rules.first_step = step == 0;
  rules.draws = root.child("rounding").child(static_cast<std::uint64_t>(step));
  rules.signs = root.child("rotation");
  return rules;
}

Rules rules_of_evaluation(const NumbersSpec& spec, std::int64_t seed, bool exact) {
  Rules rules = rules_of(spec, seed, exact, 0);
  rules.forward = rules.backward = Rounding::Nearest;
  rules.first_step = false;
  return rules;
}

namespace {

/// Where a tensor's key lies; null while places are being learned.
const std::uint64_t* place_of(KeyTable& table, const KeyTable::Place& place) {
  const auto [found, is_new] = table.index.try_emplace(place, table.places.size());
  if (is_new) {
    if (table.keys != nullptr)
      throw Failure(fmt::format("{}: draws for the first time in a repeated step", place.tensor));
    table.places.push_back(place);
  }
  return table.keys == nullptr ? nullptr : table.keys + found->second;
}

quant::How how(Rounding rounding, const Rules& rules, std::string_view tensor) {
  if (rounding == Rounding::Nearest) return {};
  const std::uint64_t* key_at =
      rules.table == nullptr ? nullptr : place_of(*rules.table, {rules.member, std::string(tensor)});
  return {{rounding, rules.draws.child(tensor).key(), key_at}, {}};
}
}  // namespace

quant::How how_forward(const Rules& rules, std::string_view tensor) { return how(rules.forward, rules, tensor); }
quant::How how_backward(const Rules& rules, std::string_view tensor) { return how(rules.backward, rules, tensor); }

quant::Carrier carrier_of(const NumbersSpec& spec, bool exact, bool on_cpu) {
  return quant::carrier_of_product(parse_number(spec.activations), parse_number(spec.weights), exact, on_cpu);
}

}  // namespace vernier::model
