#include "plan/numbers.h"

#include <algorithm>
#include <array>

#include "format/number.h"

namespace vernier::plan {

namespace {

enum class Kind { Weight, Activation, Gradient };

struct PartRow {
  std::string_view name;
  Kind kind;
  std::string (*of)(const NumbersSpec&);  ///< what was asked for, or follows from it
};
constexpr std::array kParts{
    PartRow{"weights", Kind::Weight, [](const NumbersSpec& n) { return n.weights; }},
    PartRow{"activations", Kind::Activation, [](const NumbersSpec& n) { return n.activations; }},
    PartRow{"kv", Kind::Activation, [](const NumbersSpec& n) { return n.kv; }},
    PartRow{"attention", Kind::Activation, [](const NumbersSpec& n) { return n.attention; }},
    PartRow{"gradients", Kind::Gradient, [](const NumbersSpec& n) { return n.gradients; }},
    PartRow{"input_gradients", Kind::Gradient,
            [](const NumbersSpec& n) { return n.input_gradients.value_or(n.gradients); }},
    PartRow{"weight_gradients", Kind::Gradient,
            [](const NumbersSpec& n) { return n.weight_gradients.value_or(n.gradients); }},
    PartRow{"embedding", Kind::Weight, [](const NumbersSpec& n) { return n.embedding; }},
    PartRow{"head", Kind::Weight, [](const NumbersSpec& n) { return n.head; }},
};

std::string problem_with(const PartRow& part, const std::string& text) {
  try {
    const Number number = parse_number(text);
    if (part.kind == Kind::Weight && number.granularity == Granularity::Token)
      return fmt::format("expected scales per tensor, channel or block<G>, as weights have no tokens, got '{}'", text);
    if (part.kind != Kind::Weight && number.granularity == Granularity::Channel)
      return fmt::format("expected scales per tensor, token or block<G>; channel is a row of a weight, got '{}'", text);
    if (number.scale != Scale::Lsq) return "";
    if (part.kind == Kind::Gradient)
      return fmt::format(
          "expected a scale that follows from the data, as no gradient reaches that of gradients, got '{}'", text);
    if (part.kind == Kind::Activation && number.granularity != Granularity::Tensor)
      return fmt::format("expected one learned scale per tensor, as tokens come and go, got '{}'", text);
    return "";
  } catch (const Error& problem) {
    return problem.what();
  }
}

bool same_number(const std::string& a, const std::string& b) {
  const Number x = parse_number(a), y = parse_number(b);
  if (!x.rounded || !y.rounded) return x.rounded == y.rounded;
  return x.format.name == y.format.name && x.granularity == y.granularity && x.block == y.block && x.scale == y.scale;
}

using PartProblems = std::vector<std::pair<std::string, std::string>>;

template <class Table>
void check_choice(PartProblems& problems, std::string_view key, const Table& table, const std::string& name) {
  try {
    row_named(key, table, name);
  } catch (const Error& problem) {
    problems.emplace_back(key, problem.what());
  }
}

/// Scales are learned through the estimator lsq and by no other.
void check_learning(PartProblems& problems, const NumbersSpec& numbers) {
  const bool learns = std::any_of(kParts.begin(), kParts.end(), [&](const PartRow& part) {
    return parse_number(part.of(numbers)).scale == Scale::Lsq;
  });
  if (learns && numbers.estimator != "lsq")
    problems.emplace_back(
        "estimator", fmt::format("expected lsq, through which the scale lsq is learned, got '{}'", numbers.estimator));
  if (!learns && numbers.estimator == "lsq")
    problems.emplace_back("estimator",
                          "expected a part with the scale lsq, such as weights: int4/channel:lsq, got none");
}

void check_rotation(PartProblems& problems, const NumbersSpec& numbers) {
  const bool turns = numbers.rotation.value_or("none") != "none";
  if (turns && !parse_number(numbers.weights).rounded && !parse_number(numbers.activations).rounded)
    problems.emplace_back("rotation", "expected weights or activations that are rounded after it, got neither");
}

}  // namespace

PartProblems problems_by_part(const NumbersSpec& numbers) {
  PartProblems problems;
  for (const auto& part : kParts)
    if (auto problem = problem_with(part, part.of(numbers)); !problem.empty())
      if (part.kind != Kind::Gradient || part.name == "gradients" || part.of(numbers) != numbers.gradients)
        problems.emplace_back(part.name, problem);
  check_choice(problems, "rounding", kRoundings, numbers.rounding);
  check_choice(problems, "backward_rounding", kRoundings, numbers.backward_rounding.value_or(numbers.rounding));
  check_choice(problems, "estimator", kEstimators, numbers.estimator);
  check_choice(problems, "rotation", kRotations, numbers.rotation.value_or("none"));
  if (!problems.empty()) return problems;
  check_learning(problems, numbers);
  check_rotation(problems, numbers);
  return problems;
}

std::int64_t rotation_of(const NumbersSpec& numbers) {
  return row_named("rotation", kRotations, numbers.rotation.value_or("none")).block;
}

bool same_numbers(const NumbersSpec& a, const NumbersSpec& b) {
  for (const auto& part : kParts)
    if (!same_number(part.of(a), part.of(b))) return false;
  return a.rounding == b.rounding &&
         a.backward_rounding.value_or(a.rounding) == b.backward_rounding.value_or(b.rounding) &&
         a.estimator == b.estimator && rotation_of(a) == rotation_of(b);
}

}  // namespace vernier::plan
