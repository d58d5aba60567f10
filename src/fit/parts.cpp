#include "fit/parts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "fit/labels.h"
#include "format/gaussian.h"

namespace vernier::fit {
namespace {

using law::Part;

constexpr double kUnroundedBits = 16;  ///< in data of others (CONTRACTS, "Baseline")

constexpr std::array<std::string_view, 8> kNotRounded{"fp32",    "fp16",     "bf16", "float32",
                                                      "float16", "bfloat16", "none", "noquantizer"};

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return text;
}

bool means_not_rounded(const std::string& name) {
  return std::find(kNotRounded.begin(), kNotRounded.end(), lower_case(name)) != kNotRounded.end();
}

double group_of(const Number& number, const ElementsPerScale& elements) {
  if (number.scale == Scale::None) return law::kUnknown;
  if (number.granularity == Granularity::Block) return static_cast<double>(number.block);
  return number.granularity == Granularity::Tensor ? elements.tensor : elements.row;
}

bool is_a_number(const std::string& text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size();
}

bool is_ours(const std::string& text) {
  try {
    parse_number(text);
    return true;
  } catch (const Error&) {
    if (text.find_first_of("/:") != std::string::npos) throw;
    return false;
  }
}

/// Labels are words with blanks between them.
std::string in_one_word(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '\t'; }, '_');
  return name;
}

}  // namespace

Part part_of(const std::string& text, const ElementsPerScale& elements) {
  const Number number = parse_number(text);
  Part part;
  part.number = text;
  if (!number.rounded) return part;
  part.rounded = true;
  part.bits = number.bits();
  part.group = group_of(number, elements);
  part.gaussian_error = gaussian_error(number, part.group);
  if (number.format.kind == Kind::Float) {
    part.exponent_bits = number.format.exponent_bits;
    part.mantissa_bits = number.format.significand_bits - 1;
  }
  return part;
}

Part part_of_bits(double bits) {
  Part part;
  part.bits = bits;
  part.rounded = bits < kUnroundedBits;
  if (part.rounded && bits >= 1 && bits == std::floor(bits)) part.gaussian_error = gaussian_error_of_levels(int(bits));
  return part;
}

Part foreign_part(const std::string& name, std::optional<double> bits, const ElementsPerScale& elements) {
  if (name.empty() || is_a_number(name))
    throw Error(
        fmt::format("expected the name of a format, got '{}'; columns of bits are weight_bits and the like", name));
  if (means_not_rounded(name)) return {};
  if (is_ours(name)) return part_of(name, elements);
  Part part;
  part.rounded = true;
  part.bits = bits.value_or(law::kUnknown);
  part.number = in_one_word(name);
  return part;
}

ElementsPerScale elements_of_weights(double width) { return {width, width * width}; }

void describe(law::RunPoint& point, const NumbersSpec& numbers, double width, double batch_tokens) {
  const ElementsPerScale of_activations{width, width * batch_tokens};
  point.weights = part_of(numbers.weights, elements_of_weights(width));
  point.activations = part_of(numbers.activations, of_activations);
  point.kv = part_of(numbers.kv, of_activations);
  point.precision = precision_label(numbers);
  point.forward = forward_label(numbers);
  point.backward = backward_label(numbers);
}

}  // namespace vernier::fit
