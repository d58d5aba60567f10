// Laws with the parameters of a summary: symbols by name, one constant per precision by its label.
#include <algorithm>
#include <limits>
#include <optional>

#include "fit/dispatch.h"
#include "fit/fit.h"
#include "fit/labels.h"

namespace vernier::fit {
namespace {

std::optional<std::size_t> place_of(const FitSummary& law, std::string_view symbol) {
  const auto found = std::find(law.symbols.begin(), law.symbols.end(), symbol);
  if (found == law.symbols.end()) return std::nullopt;
  return std::size_t(found - law.symbols.begin());
}

/// The parameter of the label that `symbol` gives this point; absent when the fit has none for it.
std::optional<double> constant_of(const FitSummary& law, const std::vector<double>& parameters,
                                  const law::Symbol& symbol, const law::RunPoint& point) {
  const std::string prefix = fmt::format("{}_", symbol.name);
  std::vector<std::string> known;
  for (const auto& [name, label] : law.labels)
    if (name.starts_with(prefix)) known.push_back(label);
  const std::string label =
      symbol.per == law::Per::Precision ? matching_label(known, point) : law::label_of(symbol, point);
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

}  // namespace vernier::fit
