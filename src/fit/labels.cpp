#include "fit/labels.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "format/number.h"

namespace vernier::fit {
namespace {

std::string format_name(const std::string& number) { return number.substr(0, number.find_first_of("/:")); }

std::vector<std::string> words(const std::string& label) {
  std::istringstream in(label);
  std::vector<std::string> found;
  for (std::string word; in >> word;) found.push_back(word);
  return found;
}

/// The label with formats only, granularity and scale left out.
std::string formats_of(const std::string& label) {
  std::vector<std::string> names;
  for (const auto& word : words(label)) names.push_back(format_name(word));
  return fmt::format("{}", fmt::join(names, " "));
}

/// Bits of the format in a label's word; "4bit" is a foreign 4, and anything else that is no format stays as it is.
std::string bits_of(const std::string& word) {
  if (word.ends_with("bit")) return word;
  try {
    const Number number = parse_number(word);
    return number.rounded ? fmt::format("{}bit", number.bits()) : word;
  } catch (const Error&) {
    return word;
  }
}

std::string all_bits_of(const std::string& label) {
  std::vector<std::string> bits;
  for (const auto& word : words(label)) bits.push_back(bits_of(word));
  bits.erase(std::unique(bits.begin(), bits.end()), bits.end());  // data with fewer parts match where all are alike
  return fmt::format("{}", fmt::join(bits, " "));
}

template <class Key>
std::string only_match(const std::vector<std::string>& known, const std::string& label, Key key) {
  std::string match;
  for (const auto& candidate : known) {
    if (key(candidate) != key(label)) continue;
    if (!match.empty()) return "";
    match = candidate;
  }
  return match;
}

}  // namespace

std::string precision_label(const NumbersSpec& numbers) {
  std::vector<std::string> parts{numbers.weights, numbers.activations, numbers.kv};
  for (const auto& [name, number] :
       {std::pair("attention", numbers.attention), std::pair("gradients", numbers.gradients),
        std::pair("embedding", numbers.embedding), std::pair("head", numbers.head)})
    if (parse_number(number).rounded) parts.push_back(fmt::format("{}={}", name, number));
  const auto add_other = [&](const char* name, const std::string& choice, const std::string& usual) {
    if (choice != usual) parts.push_back(fmt::format("{}={}", name, choice));
  };
  add_other("input_gradients", numbers.input_gradients.value_or(numbers.gradients), numbers.gradients);
  add_other("weight_gradients", numbers.weight_gradients.value_or(numbers.gradients), numbers.gradients);
  add_other("rounding", numbers.rounding, "nearest");
  add_other("backward_rounding", numbers.backward_rounding.value_or(numbers.rounding), numbers.rounding);
  add_other("estimator", numbers.estimator, "identity");
  add_other("rotation", numbers.rotation.value_or("none"), "none");
  const bool plain = parts.size() == 3 && std::none_of(parts.begin(), parts.end(), [](const std::string& number) {
                       return parse_number(number).rounded;
                     });
  return plain ? std::string(kBaseline) : fmt::format("{}", fmt::join(parts, " "));
}

std::string forward_label(const NumbersSpec& numbers) {
  NumbersSpec forward = numbers;
  forward.gradients = "fp32";
  forward.input_gradients.reset();
  forward.weight_gradients.reset();
  forward.backward_rounding.reset();
  for (const auto& number :
       {forward.weights, forward.activations, forward.kv, forward.attention, forward.embedding, forward.head})
    if (parse_number(number).rounded) return precision_label(forward);
  return std::string(kBaseline);
}

std::string backward_label(const NumbersSpec& numbers) {
  const std::string inputs = numbers.input_gradients.value_or(numbers.gradients),
                    weights = numbers.weight_gradients.value_or(numbers.gradients),
                    rounding = numbers.backward_rounding.value_or(numbers.rounding);
  if (!parse_number(inputs).rounded && !parse_number(weights).rounded) return std::string(kBaseline);
  const std::string label =
      inputs == weights ? inputs : fmt::format("input_gradients={} weight_gradients={}", inputs, weights);
  return rounding == "nearest" ? label : fmt::format("{} rounding={}", label, rounding);
}

std::string part_label(const law::Part& part) {
  if (!part.rounded) return "fp32";
  return part.number.empty() || part.number == "fp32" ? fmt::format("{}bit", part.bits) : part.number;
}

namespace {

std::vector<std::string> stated_parts(const law::RunPoint& point) {
  std::vector<std::string> parts;
  for (const law::Part* part : {&point.weights, &point.activations, &point.kv})
    if (part->stated) parts.push_back(part_label(*part));
  return parts;
}

}  // namespace

std::string forward_label(const law::RunPoint& point) {
  const bool rounded = point.weights.rounded || point.activations.rounded || point.kv.rounded;
  return rounded ? fmt::format("{}", fmt::join(stated_parts(point), " ")) : std::string(kBaseline);
}

std::string precision_label(const law::RunPoint& point) {
  if (point.backward == kBaseline) return forward_label(point);
  auto parts = stated_parts(point);
  parts.push_back(fmt::format("gradients={}", point.backward));
  return fmt::format("{}", fmt::join(parts, " "));
}

std::map<std::string, std::string> short_names(const std::vector<std::string>& labels) {
  std::map<std::string, std::string> short_of;
  std::map<std::string, int> uses;
  for (const auto& label : labels) {
    auto formats = words(formats_of(label));
    formats.erase(std::unique(formats.begin(), formats.end()), formats.end());
    short_of[label] = formats.size() == 1 ? formats.front() : label;
    if (short_of[label].ends_with("bit")) short_of[label].resize(short_of[label].size() - 3);
    ++uses[short_of[label]];
  }
  for (auto& [label, name] : short_of)
    if (uses[name] > 1) name = label;
  return short_of;
}

std::optional<double> common_bits(const std::string& label) {
  const std::string bits = all_bits_of(label);
  if (bits.find(' ') != std::string::npos || !bits.ends_with("bit")) return std::nullopt;
  return std::stod(bits);
}

std::string matching_label(const std::vector<std::string>& known, const law::RunPoint& point) {
  if (point.precision != kBaseline && std::find(known.begin(), known.end(), point.precision) != known.end())
    return point.precision;
  const std::string label = precision_label(point);
  if (label == kBaseline) return point.precision == kBaseline ? point.precision : "";
  if (std::find(known.begin(), known.end(), label) != known.end()) return label;
  if (const auto match = only_match(known, label, formats_of); !match.empty()) return match;
  return only_match(known, label, all_bits_of);
}

}  // namespace vernier::fit
