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

/// The parameter of this precision; absent when the fit has none for it.
std::optional<double> constant_of(const FitSummary& law, const std::vector<double>& parameters,
                                  const law::RunPoint& point) {
  std::vector<std::string> known;
  for (const auto& [symbol, label] : law.labels) known.push_back(label);
  const std::string label = matching_label(known, point);
  for (const auto& [symbol, its_label] : law.labels)
    if (its_label == label)
      if (const auto place = place_of(law, symbol)) return parameters[*place];
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
    const auto place = symbol.per_precision ? std::nullopt : place_of(law, symbol.name);
    const auto value = symbol.per_precision ? constant_of(law, parameters, point)
                       : place              ? std::optional(parameters[*place])
                                            : std::nullopt;
    if (!value) return std::nullopt;
    local[k] = *value;
  }
  return local;
}

}  // namespace

double loss(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point) {
  return with_law(law.law, [&]<class Law>() {
    const auto local = local_parameters<Law>(law, parameters, point);
    return local ? Law::loss(*local, point) : std::numeric_limits<double>::quiet_NaN();
  });
}

double n_eff_share(const FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point) {
  return with_law(law.law, [&]<class Law>() {
    const auto local = local_parameters<Law>(law, parameters, point);
    return local ? std::exp(Law::log_share(*local, point)) : std::numeric_limits<double>::quiet_NaN();
  });
}

}  // namespace vernier::fit
