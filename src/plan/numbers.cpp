#include "plan/numbers.h"

#include <array>

#include "format/number.h"

namespace vernier::plan {

namespace {

struct PartRow {
  std::string_view name;
  std::string NumbersSpec::*number;
  bool is_weight;
};
constexpr std::array kParts{
    PartRow{"weights", &NumbersSpec::weights, true},
    PartRow{"activations", &NumbersSpec::activations, false},
    PartRow{"kv", &NumbersSpec::kv, false},
    PartRow{"attention", &NumbersSpec::attention, false},
    PartRow{"gradients", &NumbersSpec::gradients, false},
    PartRow{"embedding", &NumbersSpec::embedding, true},
    PartRow{"head", &NumbersSpec::head, true},
};

std::string problem_with(const PartRow& part, const std::string& text) {
  try {
    const Number number = parse_number(text);
    if (part.is_weight && number.granularity == Granularity::Token)
      return fmt::format("expected scales per tensor, channel or block<G>, as weights have no tokens, got '{}'", text);
    if (!part.is_weight && number.granularity == Granularity::Channel)
      return fmt::format("expected scales per tensor, token or block<G>; channel is a row of a weight, got '{}'", text);
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

}  // namespace

std::vector<std::pair<std::string, std::string>> problems_by_part(const NumbersSpec& numbers) {
  std::vector<std::pair<std::string, std::string>> problems;
  for (const auto& part : kParts)
    if (auto problem = problem_with(part, numbers.*part.number); !problem.empty())
      problems.emplace_back(part.name, problem);
  if (numbers.rounding != "nearest")
    problems.emplace_back("rounding",
                          fmt::format("expected nearest, which training knows, got '{}'", numbers.rounding));
  if (numbers.estimator != "identity")
    problems.emplace_back("estimator",
                          fmt::format("expected identity, which training knows, got '{}'", numbers.estimator));
  return problems;
}

bool same_numbers(const NumbersSpec& a, const NumbersSpec& b) {
  for (const auto& part : kParts)
    if (!same_number(a.*part.number, b.*part.number)) return false;
  return a.rounding == b.rounding && a.estimator == b.estimator;
}

}  // namespace vernier::plan
