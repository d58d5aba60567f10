#include "fit/claim.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "base/check.h"
#include "fit/dispatch.h"
#include "fit/freedom.h"
#include "fit/select.h"
#include "fit/trend.h"

namespace vernier::fit {
namespace {

using Kind = Claim::Kind;

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string_view::npos ? "" : std::string(text.substr(begin, end - begin + 1));
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  return whole ? std::optional(value) : std::nullopt;
}

[[noreturn]] void refuse(const std::string& text) {
  throw Error(
      fmt::format("expected a claim such as 'gamma_w == gamma_a', 'n_w == 0', 'E does not depend on P', 'alpha > 0.3', "
                  "'alpha in [0.3, 0.5]', 'P* < 8' or 'delta_ptq grows with D/N', got '{}'",
                  text));
}

/// What stands left and right of `between`; absent where it does not occur.
std::optional<std::pair<std::string, std::string>> around(const std::string& text, std::string_view between) {
  const auto at = text.find(between);
  if (at == std::string::npos) return std::nullopt;
  return std::pair(trimmed(std::string_view(text).substr(0, at)),
                   trimmed(std::string_view(text).substr(at + between.size())));
}

/// A name does not begin like a number and holds no sign of a comparison; blanks stand in long names of formats.
bool is_name(const std::string& text) {
  return !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) != 0) &&
         text.find_first_of("<>[]") == std::string::npos && text.find("==") == std::string::npos;
}

void read_range(Claim& claim, const std::string& text) {
  const auto comma = text.find(',');
  if (text.size() < 2 || text.front() != '[' || text.back() != ']' || comma == std::string::npos) refuse(claim.text);
  const auto lo = number(trimmed(text.substr(1, comma - 1))),
             hi = number(trimmed(text.substr(comma + 1, text.size() - comma - 2)));
  if (!lo || !hi) refuse(claim.text);
  if (!(*lo < *hi))
    throw Error(fmt::format("expected the smaller bound first, got [{}, {}] in '{}'", *lo, *hi, claim.text));
  claim.lo = *lo, claim.hi = *hi;
}

void read_trend(Claim& claim, const std::string& quantity, const std::string& variable) {
  Problems problems;
  const auto known = [&](const auto& names, const std::string& name, std::string_view what) {
    expect(problems, std::find(names.begin(), names.end(), name) != names.end(), claim.text,
           fmt::format("a trend {} one of {}", what, fmt::join(names, ", ")), fmt::format("'{}'", name));
  };
  known(kQuantities, quantity, "of");
  known(kVariables, variable, "with");
  refuse_if(problems);
  claim.kind = Kind::Trend, claim.left = quantity, claim.right = variable;
}

bool reads_as_trend(Claim& claim) {
  for (const bool grows : {true, false})
    if (const auto sides = around(claim.text, grows ? " grows with " : " falls with ")) {
      claim.grows = grows;
      read_trend(claim, sides->first, sides->second);
      return true;
    }
  return false;
}

bool reads_as_independence(Claim& claim) {
  const auto sides = around(claim.text, " does not depend on ");
  if (!sides) return false;
  if (sides->second != "P")
    throw Error(
        fmt::format("'{}': expected 'does not depend on P', as precision is what a parameter may depend on, got "
                    "'{}'",
                    claim.text, sides->second));
  claim.kind = Kind::Independence, claim.left = sides->first, claim.right = "P";
  return true;
}

bool reads_as_equality(Claim& claim) {
  const auto sides = around(claim.text, "==");
  if (!sides) return false;
  claim.kind = Kind::Equality, claim.left = sides->first;
  if (const auto value = number(sides->second))
    claim.lo = claim.hi = *value;
  else if (is_name(sides->second))
    claim.right = sides->second;
  else
    refuse(claim.text);
  return true;
}

bool reads_as_interval(Claim& claim) {
  claim.kind = Kind::Interval;
  if (const auto sides = around(claim.text, " in ")) {
    claim.left = sides->first;
    read_range(claim, sides->second);
    return true;
  }
  for (const std::string_view sign : {"<=", ">=", "<", ">"}) {
    const auto sides = around(claim.text, sign);
    if (!sides) continue;
    const auto value = number(sides->second);
    if (!value) refuse(claim.text);
    claim.left = sides->first;
    (sign[0] == '<' ? claim.hi : claim.lo) = *value;
    return true;
  }
  return false;
}

/// The symbol that a parameter's name stands for, which is its own or, for eff_int4 and the like, the part before the
/// label.
std::optional<law::Symbol> symbol_named(std::string_view law, const std::string& name) {
  return with_law(law, [&]<class Law>() -> std::optional<law::Symbol> {
    for (const auto& symbol : Law::symbols) {
      if (symbol.per == law::Per::All && symbol.name == name) return symbol;
      if (symbol.per != law::Per::All && name.starts_with(fmt::format("{}_", symbol.name))) return symbol;
    }
    return std::nullopt;
  });
}

bool is_coefficient(std::string_view law, const std::string& name) {
  return with_law(law, [&]<class Law>() {
    return std::any_of(Law::symbols.begin(), Law::symbols.begin() + Law::coefficients,
                       [&](const auto& symbol) { return symbol.name == name; });
  });
}

/// Laws that say N_eff/N at any number of bits, or at those of their formats.
bool is_law_in_bits(std::string_view law) {
  return with_law(law, []<class Law>() {
    const auto is = [](auto pass) {
      return std::any_of(Law::symbols.begin(), Law::symbols.end(), [&](const auto& s) { return pass(s); });
    };
    const bool passes =
        is([](const law::Symbol& s) { return s.per == law::Per::Forward || s.per == law::Per::Backward; });
    const bool precision = is([](const law::Symbol& s) { return s.acts_on != law::ActsOn::All; });
    return law::target_of<Law>() == law::Target::Loss && law::has_share<Law> && precision && !passes &&
           Law::name != law::Gmse::name;
  });
}

bool is_shared_in_training(std::string_view law, const std::string& name) {
  const auto symbol = symbol_named(law, name);
  return symbol && symbol->per == law::Per::All && symbol->acts_on == law::ActsOn::All &&
         target_of(law) == law::Target::Loss;
}

std::vector<std::string> names_in(const Claim& claim) {
  if (claim.kind == Kind::Equality && !claim.right.empty()) return {claim.left, claim.right};
  return {claim.left};
}

bool speaks_of(std::string_view law, const Claim& claim) {
  if (claim.left == kBestBits) return is_law_in_bits(law);
  if (claim.kind == Kind::Independence) return is_shared_in_training(law, claim.left);
  const auto names = names_in(claim);
  return std::all_of(names.begin(), names.end(), [&](const auto& name) { return symbol_named(law, name).has_value(); });
}

void check_symbols(std::string_view law, const Claim& claim) {
  if (speaks_of(law, claim)) return;
  if (claim.left == kBestBits) throw Error(fmt::format("'{}': law {} has no N_eff/N in bits", claim.text, law));
  for (const auto& name : names_in(claim))
    if (!symbol_named(law, name))
      throw Error(fmt::format("'{}': law {} has no parameter '{}'; it has {}", claim.text, law, name,
                              fmt::join(symbols_of(law), ", ")));
  throw Error(
      fmt::format("'{}': expected a parameter that all runs of {} share, such as E, A, B, alpha or beta, got "
                  "'{}'",
                  claim.text, law, claim.left));
}

void check_equality(std::string_view law, const Claim& claim) {
  const law::Symbol left = *symbol_named(law, claim.left);
  if (claim.right.empty()) {
    if (!(claim.lo >= left.lowest && claim.lo <= left.highest))
      throw Error(fmt::format("'{}': expected a number that {} of {} may have, from {} to {}, got {}", claim.text,
                              claim.left, law, left.lowest, left.highest, claim.lo));
    return;
  }
  const law::Symbol right = *symbol_named(law, claim.right);
  if (claim.left == claim.right)
    throw Error(fmt::format("'{}': expected two different parameters, got the same twice", claim.text));
  if (left.unit != right.unit)
    throw Error(fmt::format("'{}': expected parameters of one unit, got {} in '{}' and {} in '{}'", claim.text,
                            claim.left, left.unit, claim.right, right.unit));
  if (is_coefficient(law, claim.left) || is_coefficient(law, claim.right))
    throw Error(
        fmt::format("'{}': expected exponents or precision constants of {}, got a coefficient that enters the "
                    "loss linearly",
                    claim.text, law));
}

std::string chosen_law(const Claim& claim, const std::vector<std::string>& laws) {
  if (claim.kind == Kind::Independence) return std::string(claim.left == "A" ? "chinchilla" : "free_eff");
  std::vector<std::string> known;
  std::copy_if(laws.begin(), laws.end(), std::back_inserter(known),
               [&](const auto& law) { return speaks_of(law, claim); });
  if (known.size() == 1) return known.front();
  if (known.empty())
    throw Error(fmt::format("'{}': none of the laws {} has {}", claim.text, fmt::join(laws, ", "),
                            fmt::join(names_in(claim), " and ")));
  throw Error(fmt::format("'{}': several laws have {}; name one of {}", claim.text, fmt::join(names_in(claim), " and "),
                          fmt::join(known, ", ")));
}

}  // namespace

Claim parse_claim(const std::string& text) {
  Claim claim;
  claim.text = trimmed(text);
  if (reads_as_trend(claim)) return claim;
  if (!reads_as_independence(claim) && !reads_as_equality(claim) && !reads_as_interval(claim)) refuse(claim.text);
  const bool derived = claim.left == kBestBits;
  if (derived ? claim.kind != Kind::Interval : !is_name(claim.left)) refuse(claim.text);
  return claim;
}

Hypothesis hypothesis_of(const Claim& claim, const std::string& law, double margin,
                         const std::vector<std::string>& laws) {
  Problems problems;
  expect_positive(problems, "margin", margin);
  refuse_if(problems);
  if (claim.kind == Kind::Trend) {
    if (!law.empty())
      throw Error(fmt::format("'{}': a trend is about the runs themselves and has no law, got {}", claim.text, law));
    return {claim, "", margin};
  }
  Hypothesis hypothesis{claim, law.empty() ? chosen_law(claim, laws) : law, margin};
  check_symbols(hypothesis.law, claim);
  if (claim.kind == Kind::Equality) check_equality(hypothesis.law, claim);
  return hypothesis;
}

Hypothesis parse_hypothesis(const std::string& text, double margin, const std::vector<std::string>& laws) {
  const auto parts = around(text, ": ");
  const auto names = law_names();
  const bool has_law = parts && std::find(names.begin(), names.end(), parts->first) != names.end();
  return has_law ? hypothesis_of(parse_claim(parts->second), parts->first, margin, laws)
                 : hypothesis_of(parse_claim(text), "", margin, laws);
}

namespace {

std::string lacking_rows(const Hypothesis& hypothesis, const std::vector<law::RunPoint>& points) {
  if (!points.empty()) return "";
  return target_of(hypothesis.law) == law::Target::PostTraining
             ? fmt::format("no run is quantized after training, which {} is about", hypothesis.law)
             : fmt::format("no run has what {} predicts", hypothesis.law);
}

std::string lacking_parameters(const Hypothesis& hypothesis, const std::vector<law::RunPoint>& points) {
  const auto problem = make_problem(hypothesis.law, points);
  std::vector<std::string> present;
  for (const auto& parameter : problem->parameters()) present.push_back(parameter.name);
  for (const auto& name : names_in(hypothesis.claim))
    if (std::find(present.begin(), present.end(), name) == present.end())
      return fmt::format("these runs say nothing about {} of {}; they speak of {}", name, hypothesis.law,
                         fmt::join(present, ", "));
  return "";
}

}  // namespace

std::string lacking(const Hypothesis& hypothesis, const std::vector<law::RunPoint>& points) {
  const Claim& claim = hypothesis.claim;
  if (claim.kind == Kind::Trend) return lacking_for_trend(claim, points);
  const auto own = points_for(hypothesis.law, points);
  if (const auto why = lacking_rows(hypothesis, own); !why.empty()) return why;
  std::set<std::string> labels;
  for (const auto& point : own) labels.insert(point.precision);
  if (claim.kind == Kind::Independence && labels.size() < 2)
    return "all runs have one precision, so nothing can depend on it";
  if (claim.left == kBestBits)
    return std::any_of(own.begin(), own.end(), law::is_rounded) ? "" : "no run is rounded in training";
  return lacking_parameters(hypothesis, own);
}

}  // namespace vernier::fit
