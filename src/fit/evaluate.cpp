// Laws with the parameters of a summary: symbols by name, one constant per precision by its label.
#include <algorithm>
#include <limits>
#include <optional>

#include "fit/dispatch.h"
#include "fit/fit.h"
#include "fit/labels.h"
#include "fit/select.h"
#include "fit/surface.h"

namespace vernier::fit {
namespace {

std::optional<std::size_t> place_of(const FitSummary& law, std::string_view symbol) {
  const auto found = std::find(law.symbols.begin(), law.symbols.end(), symbol);
  if (found == law.symbols.end()) return std::nullopt;
  return std::size_t(found - law.symbols.begin());
}

/// Labels for which the fit has a constant of this symbol.
std::vector<std::string> known_labels(const FitSummary& law, const law::Symbol& symbol) {
  const std::string prefix = fmt::format("{}_", symbol.name);
  std::vector<std::string> known;
  for (const auto& [name, label] : law.labels)
    if (name.starts_with(prefix)) known.push_back(label);
  return known;
}

/// The known label that describes what `symbol` looks at in this point; empty where none does.
std::string label_for(const FitSummary& law, const law::Symbol& symbol, const law::RunPoint& point) {
  const auto known = known_labels(law, symbol);
  const std::string own = law::label_of(symbol, point);
  if (std::find(known.begin(), known.end(), own) != known.end()) return own;
  if (symbol.per == law::Per::Backward) return "";
  law::RunPoint here = point;
  here.precision = own;
  return matching_label(known, here);
}

/// The parameter of the label that `symbol` gives this point; absent when the fit has none for it.
std::optional<double> constant_of(const FitSummary& law, const std::vector<double>& parameters,
                                  const law::Symbol& symbol, const law::RunPoint& point) {
  const std::string prefix = fmt::format("{}_", symbol.name), label = label_for(law, symbol, point);
  if (label.empty()) return std::nullopt;
  for (const auto& [name, its_label] : law.labels)
    if (name.starts_with(prefix) && its_label == label)
      if (const auto place = place_of(law, name)) return parameters[*place];
  return std::nullopt;
}

template <class Law>
std::optional<law::Parameters<double, Law::symbols.size()>> local_parameters(const FitSummary& law,
                                                                             const std::vector<double>& parameters,
                                                                             const law::RunPoint& point) {
  law::Parameters<double, Law::symbols.size()> local;
  for (std::size_t k = 0; k < local.size(); ++k) {
    const law::Symbol& symbol = Law::symbols[k];
    local[k] = 1;  // of a parameter that does not act on this run
    if (!law::acts_on(symbol, point)) continue;
    const bool shared = symbol.per == law::Per::All;
    const auto place = shared ? place_of(law, symbol.name) : std::nullopt;
    const auto value = !shared ? constant_of(law, parameters, symbol, point)
                       : place ? std::optional(parameters[*place])
                               : symbol.usual;
    if (!value) return std::nullopt;
    local[k] = *value;
  }
  return local;
}

/// A precision of which the law says nothing.
constexpr law::Surface kOutside{.E = law::kUnknown};

const char* pass_of(const law::Symbol& symbol) {
  if (symbol.per == law::Per::Precision) return "precision";
  return symbol.per == law::Per::Forward ? "forward" : "backward";
}

}  // namespace

double loss(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point) {
  return with_law(law.law, [&]<class Law>() {
    const auto local = local_parameters<Law>(law, parameters, point);
    return local ? Law::loss(*local, point) : law::kUnknown;
  });
}

double n_eff_share(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point) {
  return with_law(law.law, [&]<class Law>() {
    const auto local = local_parameters<Law>(law, parameters, point);
    if constexpr (law::has_share<Law>)
      return local ? std::exp(Law::log_share(*local, point)) : law::kUnknown;
    else
      return law::is_rounded(point) ? law::kUnknown : 1.0;
  });
}

law::Surface surface_of(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point) {
  const auto own = with_law(law.law, [&]<class Law>() -> law::Surface {
    if constexpr (law::has_surface<Law>) {
      const auto local = local_parameters<Law>(law, parameters, point);
      return local ? Law::surface(*local, point) : kOutside;
    } else {
      throw Error(fmt::format("{}: predicts a score from a loss, and so nothing of N and D", law.law));
    }
  });
  if (target_of(law.law) != law::Target::PostTraining || law.base.empty()) return own;
  const FitSummary& base = law.base.front();
  law::Surface both = surface_of(base, base.values(), point);
  both.c = own.c, both.gD = own.gD, both.gN = own.gN;
  return both;
}

void for_each_replicate(const FitSummary& law,
                        const std::function<void(const FitSummary&, const std::vector<double>&)>& visit) {
  FitSummary varied = law;
  varied.bootstrap.clear();
  for (auto& base : varied.base) base.bootstrap.clear();
  for (std::size_t r = 0; r < law.bootstrap.size(); ++r) {
    if (!law.base.empty() && !law.base.front().bootstrap.empty()) {
      const auto& replicates = law.base.front().bootstrap;
      auto& parameters = varied.base.front().parameters;
      for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k].value = replicates[r % replicates.size()][k];
    }
    visit(varied, law.bootstrap[r]);
  }
}

std::vector<std::string> unknown_labels(const FitSummary& law, const law::RunPoint& point) {
  return with_law(law.law, [&]<class Law>() {
    std::vector<std::string> unknown;
    for (const law::Symbol& symbol : Law::symbols) {
      if (symbol.per == law::Per::All || !law::acts_on(symbol, point)) continue;
      if (!label_for(law, symbol, point).empty()) continue;
      const auto known = known_labels(law, symbol);
      unknown.push_back(fmt::format("{} '{}': the fit of {} knows no constant for it; it has {}", pass_of(symbol),
                                    law::label_of(symbol, point), law.law,
                                    known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
    }
    return unknown;
  });
}

FitSummary read_fit_with_base(const std::string& path, const std::string& name) {
  FitSummary law = read_fit(path, name);
  if (target_of(law.law) != law::Target::PostTraining || !law.base.empty()) return law;
  const auto fits = read_fits(path);
  for (const std::string_view base : {law::KumarJoint::name, law::Chinchilla::name})
    for (const auto& fit : fits)
      if (law.base.empty() && fit.law == base) law.base.push_back(fit);
  return law;
}

}  // namespace vernier::fit
