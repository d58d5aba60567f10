#include "fit/precision.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <sstream>

#include "fit/dispatch.h"
#include "fit/labels.h"
#include "fit/parts.h"
#include "fit/select.h"
#include "format/gaussian.h"
#include "format/number_format.h"

namespace vernier::fit {
namespace {

constexpr const char* kSixteen = "16 bits";

bool has(const FitSummary& law, std::string_view symbol) {
  return std::find(law.symbols.begin(), law.symbols.end(), symbol) != law.symbols.end();
}

bool has_labels(const FitSummary& law, law::Per per) {
  return with_law(law.law, [&]<class Law>() {
    return std::any_of(Law::symbols.begin(), Law::symbols.end(), [&](const auto& s) { return s.per == per; });
  });
}

/// Bits that an ideal code of normally distributed numbers needs for the error of `bits`-bit integers [bits].
double ideal_bits(double bits) {
  static const std::vector<double> known = [] {
    std::vector<double> r{0, -std::log(1 - 2 / std::numbers::pi) / std::log(4.0)};  // one bit: the two levels +-s
    for (const int b : {2, 3, 4, 5, 6, 7, 8, 9, 10}) {
      const auto format = format_named(fmt::format("int{}", b));
      r.push_back(-std::log(gaussian_error(format, gaussian_optimum(format))) / std::log(4.0));
    }
    return r;
  }();
  const auto below = std::min(std::size_t(bits), known.size() - 2);  // beyond the last, by the slope of the last step
  return known[below] + (bits - double(below)) * (known[below + 1] - known[below]);
}

double parameter(const FitSummary& law, const std::vector<double>& parameters, std::string_view symbol) {
  const auto found = std::find(law.symbols.begin(), law.symbols.end(), symbol);
  return found == law.symbols.end() ? law::kUnknown : parameters.at(std::size_t(found - law.symbols.begin()));
}

/// A run with this part wherever the law looks at one.
law::RunPoint point_with(const FitSummary& law, const law::Part& part) {
  const bool each = has(law, "gamma_w") || has(law, "gamma_a") || has(law, "gamma_kv");
  law::RunPoint point;
  if (!each || has(law, "gamma_w")) point.weights = part;
  if (!each || has(law, "gamma_a")) point.activations = part;
  if (!each || has(law, "gamma_kv")) point.kv = part;
  point.precision = point.forward = precision_label(point);
  return point;
}

law::RunPoint unrounded(const PrecisionOptions& options) {
  law::RunPoint point;
  if (!options.post.empty()) point.post = part_of(options.post);
  return point;
}

Choice sixteen_bits(const PrecisionOptions& options) { return {kSixteen, 16, 1, unrounded(options)}; }

bool is_wide(const std::string& format) { return format == "bf16" || format == "fp16" || format == "fp32"; }

/// The numbers among the words of a label: "int4/channel", "gradients=int8/tensor", "4bit", a foreign name; not
/// "rounding=stochastic".
std::vector<std::string> numbers_in(const std::string& label) {
  std::istringstream in(label);
  std::vector<std::string> numbers;
  for (std::string word; in >> word;) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || word.substr(0, equals).ends_with("gradients"))
      numbers.push_back(word.substr(equals == std::string::npos ? 0 : equals + 1));
  }
  return numbers;
}

std::string format_in(const std::string& number) { return number.substr(0, number.find_first_of("/:")); }

std::optional<double> bits_in(const std::string& number) {
  if (number.ends_with("bit")) {
    double bits = 0;
    const char* end = number.data() + number.size() - 3;
    return std::from_chars(number.data(), end, bits).ptr == end ? std::optional(bits) : std::nullopt;
  }
  const auto format = find_format(format_in(number));
  return format ? std::optional<double>(format->bits) : std::nullopt;
}

/// Bits of the products of a label: those of weights and activations, which come first; absent where they differ.
std::optional<double> product_bits(const std::string& label) {
  const auto numbers = numbers_in(label);
  if (numbers.empty() || numbers[0] == "fp32") return std::nullopt;
  const auto bits = bits_in(numbers[0]);
  if (numbers.size() > 1 && bits_in(numbers[1]) != bits) return std::nullopt;
  return bits;
}

/// True where a label is the format, or everything rounded in it is.
bool is_in(const std::string& label, const std::string& format) {
  if (label == format) return true;
  const auto numbers = numbers_in(label);
  const auto is_format = [&](const std::string& number) { return format_in(number) == format || number == format; };
  return std::any_of(numbers.begin(), numbers.end(), is_format) &&
         std::all_of(numbers.begin(), numbers.end(),
                     [&](const std::string& number) { return is_format(number) || number == "fp32"; });
}

/// One label of one pass, or no rounding there.
struct Labelled {
  std::string format, label;
  std::optional<double> bits;
  double cost = 1;
};

std::vector<Labelled> by_bits(const FitSummary& law, const std::string& prefix, Choices& choices) {
  std::vector<Labelled> found{{kSixteen, std::string(kBaseline), 16, 1}};
  for (const auto& [symbol, label] : law.labels) {
    if (!symbol.starts_with(prefix)) continue;
    const auto bits = product_bits(label);
    if (bits)
      found.push_back({symbol.substr(prefix.size()), label, bits, *bits / 16});
    else
      choices.left_out.push_back({symbol.substr(prefix.size()), "it has no single number of bits; give its cost"});
  }
  return found;
}

std::vector<Labelled> by_cost(const FitSummary& law, const std::string& prefix, const std::vector<FormatCost>& costs,
                              std::vector<std::string>& unknown) {
  std::vector<Labelled> found;
  for (const auto& [format, cost, place] : costs) {
    const std::size_t before = found.size();
    if (is_wide(format)) found.push_back({format, std::string(kBaseline), 16, cost});
    for (const auto& [symbol, label] : law.labels)
      if (symbol.starts_with(prefix) && is_in(label, format))
        found.push_back({symbol.substr(prefix.size()), label, product_bits(label), cost});
    if (found.size() == before) unknown.push_back(format);
  }
  if (std::none_of(found.begin(), found.end(), [](const Labelled& l) { return l.label == kBaseline; }))
    found.push_back({kSixteen, std::string(kBaseline), 16, 1});
  return found;
}

std::vector<Labelled> labelled(const FitSummary& law, const std::string& prefix, const PrecisionOptions& options,
                               Choices& choices, std::vector<std::string>& unknown) {
  return options.costs.empty() ? by_bits(law, prefix, choices) : by_cost(law, prefix, options.costs, unknown);
}

constexpr const char* kNoConstant = "the fit has no constant for it";

Choices one_label(const FitSummary& law, const PrecisionOptions& options) {
  Choices choices;
  std::vector<std::string> unknown;
  for (const auto& [format, label, bits, cost] : labelled(law, "eff_", options, choices, unknown)) {
    Choice choice{format, bits, cost, {}};
    choice.point.precision = label;
    choices.all.push_back(choice);
  }
  for (const auto& format : unknown) choices.left_out.push_back({format, kNoConstant});
  return choices;
}

Choice pair_of(const Labelled& forward, const Labelled& backward) {
  constexpr double kForward = 1.0 / 3, kBackward = 2.0 / 3;  // of the products of training
  Choice choice;
  choice.format = forward.format == backward.format
                      ? forward.format
                      : fmt::format("{} forward, {} backward", forward.format, backward.format);
  if (forward.bits && backward.bits) choice.bits = kForward * *forward.bits + kBackward * *backward.bits;
  choice.cost = kForward * forward.cost + kBackward * backward.cost;
  choice.point.forward = forward.label, choice.point.backward = backward.label;
  if (forward.label != kBaseline || backward.label != kBaseline)
    choice.point.precision = fmt::format("{} | {}", forward.label, backward.label);
  return choice;
}

Choices label_pairs(const FitSummary& law, const PrecisionOptions& options) {
  Choices choices;
  std::vector<std::string> not_forward, not_backward;
  const auto forwards = labelled(law, "effN_", options, choices, not_forward);
  const auto backwards = labelled(law, "effD_", options, choices, not_backward);
  for (const auto& forward : forwards)
    for (const auto& backward : backwards) choices.all.push_back(pair_of(forward, backward));
  for (const auto& format : not_forward)
    if (std::find(not_backward.begin(), not_backward.end(), format) != not_backward.end())
      choices.left_out.push_back({format, kNoConstant});
  return choices;
}

Choices listed(const FitSummary& law, const PrecisionOptions& options) {
  Choices choices;
  Problems problems;
  bool any_wide = false;
  for (const auto& [format, cost, place] : options.costs) {
    any_wide = any_wide || is_wide(format);
    if (is_wide(format)) {
      choices.all.push_back({format, 16, cost, unrounded(options)});
    } else if (!find_format(format)) {
      problems.push_back(fmt::format("{}: {}", place, no_such_format(format)));
    } else {
      const law::Part part = part_of(format, {options.group, options.group});
      choices.all.push_back({format, part.bits, cost, point_with(law, part)});
    }
  }
  refuse_if(problems);
  if (!any_wide) choices.all.push_back(sixteen_bits(options));
  return choices;
}

/// A law that knows one precision, or none.
Choice only_choice(const FitSummary& law, const PrecisionOptions& options) {
  Choice choice{"", {}, 1, unrounded(options)};
  if (law.law != law::QatGroup::name) return choice;
  law::Part part{true, law::kUnknown, "", true};
  part.group = options.group;
  choice.point.weights = part;
  choice.point.precision = "rounded";
  return choice;
}

}  // namespace

bool has_bits(const FitSummary& law) {
  if (target_of(law.law) != law::Target::Loss || law.law == law::QatGroup::name) return false;
  if (has_labels(law, law::Per::Precision) || has_labels(law, law::Per::Forward)) return false;
  return with_law(law.law, []<class Law>() {
    return std::any_of(Law::symbols.begin(), Law::symbols.end(),
                       [](const auto& s) { return s.acts_on != law::ActsOn::All; });
  });
}

law::RunPoint point_at_bits(const FitSummary& law, const std::vector<double>& parameters, double bits,
                            const PrecisionOptions& options) {
  law::Part part{true, bits, "", true};
  if (target_of(law.law) == law::Target::PostTraining) {
    law::RunPoint point;
    point.post = part;
    return point;
  }
  part.group = options.group;
  if (law.law == law::Gmse::name) part.gaussian_error = std::pow(4.0, -ideal_bits(bits));
  if (law.law == law::FloatBits::name) {
    const double delta = parameter(law, parameters, "delta"), nu = parameter(law, parameters, "nu");
    part.mantissa_bits = nu * bits / (delta + nu) - 0.5;
    part.exponent_bits = bits - 1 - part.mantissa_bits;
  }
  return point_with(law, part);
}

Choices choices_of(const FitSummary& law, const PrecisionOptions& options) {
  if (has_labels(law, law::Per::Precision)) return one_label(law, options);
  if (has_labels(law, law::Per::Forward)) {
    if (law.labels.empty() && options.costs.empty()) return {{only_choice(law, options)}, {}};
    return label_pairs(law, options);
  }
  if (options.costs.empty()) return {{only_choice(law, options)}, {}};
  if (!has_bits(law))
    throw Error(fmt::format("--cost: law {} does not tell formats apart; expected one that does", law.law));
  return listed(law, options);
}

}  // namespace vernier::fit
