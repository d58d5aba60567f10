#include "plan/quantity.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "fit/dispatch.h"
#include "fit/optimum.h"
#include "fit/select.h"

namespace vernier::plan {

namespace {

constexpr double kAnyCompute = 1e20;  // P* does not depend on it where N and D are free
constexpr std::string_view kBestBits = "P*", kBestSize = "N*";

bool is_derived(std::string_view name) { return name == kBestBits || name == kBestSize; }

bool is_foreseen(const std::string& law, const Foreseen& foreseen) {
  return std::any_of(foreseen.identifies.begin(), foreseen.identifies.end(),
                     [&](const Expected& expected) { return expected.law == law; });
}

/// E and what stands in exponents and factors matter; the coefficients of terms are a matter of units.
bool matters(const Expected& expected) {
  return fit::with_law(expected.law, [&]<class Law>() {
    for (std::size_t k = 0; k < Law::coefficients; ++k)
      if (Law::symbols[k].name == expected.parameter && expected.parameter != "E" && expected.parameter != "eps")
        return false;
    return expected.value != 0;
  });
}

/// Width over value; infinite where the parameter is free.
double relative_width(const Expected& expected) {
  return expected.lo ? (*expected.hi - *expected.lo) / std::abs(expected.value) : INFINITY;
}

NamedQuantity widest(const Foreseen& foreseen) {
  const Expected* worst = nullptr;
  for (const Expected& expected : foreseen.identifies) {
    if (expected.law != foreseen.identifies.front().law || !matters(expected)) continue;
    if (!worst || relative_width(expected) > relative_width(*worst)) worst = &expected;
  }
  if (!worst) throw Error("--quantity: expected a parameter, as the law has none that could be chosen");
  const std::string why = worst->lo ? "its interval from the grid as written is the widest of its law"
                                    : "the grid as written leaves it free";
  return {worst->law, worst->parameter, why};
}

NamedQuantity derived(const std::string& name, const std::vector<std::string>& laws, const Foreseen& foreseen) {
  for (const auto& law : laws) {
    if (!is_foreseen(law, foreseen) || fit::target_of(law) != law::Target::Loss) continue;
    fit::FitSummary summary;
    summary.law = law;
    if (name == kBestSize || fit::has_precision(summary)) return {law, name, "given"};
  }
  throw Error(fmt::format("--quantity: {}: expected a law{} among fit.laws that is foreseen", name,
                          name == kBestBits ? " with precision" : ""));
}

fit::FitSummary summary_of(const Sensitivity& at) {
  fit::FitSummary summary;
  summary.law = at.law;
  for (const auto& parameter : at.problem->parameters()) {
    summary.symbols.push_back(parameter.name);
    if (!parameter.label.empty()) summary.labels[parameter.name] = parameter.label;
  }
  for (const double value : at.natural) summary.parameters.push_back({value, {}, {}, {}, {}});
  return summary;
}

Slope derived_slope(const NamedQuantity& quantity, const Sensitivity& at, std::optional<double> compute) {
  if (quantity.name == kBestSize && !compute)
    throw Error("--quantity N*: expected --compute C with it, the 16-bit FLOPs that N is best for");
  const fit::FitSummary summary = summary_of(at);
  const fit::Budget budget{compute.value_or(kAnyCompute), {}, {}, {}};
  const auto best = fit::optimum(summary, at.natural, budget);
  const auto value = [&](const std::vector<double>& natural) {
    const auto there = fit::optimum(summary, natural, budget);
    return quantity.name == kBestSize ? there.n : there.p.value_or(0);
  };
  const Slope slope{value(at.natural), true, gradient(at, value, true), {}};
  if ((quantity.name == kBestBits && !best.interior) || !(slope.gradient.norm() > 0))
    throw Error(
        fmt::format("--quantity {}: expected one that moves with the parameters of {}, got {:.4g} whatever they "
                    "are; a fit given with --assume may differ",
                    quantity.name, at.law, slope.value));
  return slope;
}

}  // namespace

NamedQuantity choose_quantity(const std::string& name, const std::vector<std::string>& laws, const Foreseen& foreseen) {
  if (foreseen.identifies.empty()) {
    std::string whys;
    for (const auto& [law, why] : foreseen.not_foreseen) whys += fmt::format("\n  {}: {}", law, why);
    throw Error("--improve: expected a law that can be foreseen, got none:" + whys);
  }
  if (name.empty()) return widest(foreseen);
  if (is_derived(name)) return derived(name, laws, foreseen);
  std::vector<std::string> known;
  for (const Expected& expected : foreseen.identifies) {
    if (expected.parameter == name) return {expected.law, name, "given"};
    if (std::find(known.begin(), known.end(), expected.parameter) == known.end()) known.push_back(expected.parameter);
  }
  throw Error(fmt::format("--quantity: expected P*, N* or one of {}, got '{}'", fmt::join(known, ", "), name));
}

Slope slope_of(const NamedQuantity& quantity, const Sensitivity& at, const Sensitivity& written,
               std::optional<double> compute) {
  if (is_derived(quantity.name)) return derived_slope(quantity, at, compute);
  for (const auto& asked : written.problem->parameters()) {
    if (asked.name != quantity.name) continue;
    const auto& all = at.problem->parameters();
    for (std::size_t p = 0; p < all.size(); ++p)
      if (all[p].symbol.name == asked.symbol.name && all[p].label == asked.label && at.coordinate[p] >= 0)
        return {at.natural[p], at.log[p], gradient(at, p), judged(at, p)};
  }
  throw Failure(fmt::format("{} of {} is lost among the candidates", quantity.name, quantity.law));
}

}  // namespace vernier::plan
