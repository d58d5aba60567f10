#include "fit/compare.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "fit/freedom.h"
#include "fit/select.h"
#include "law/laws.h"

namespace vernier::fit {
namespace {

/// The constraints that speak of this law's symbols.
FitOptions constraints_of(const std::string& law, FitOptions options) {
  const auto symbols = symbols_of(law);
  const auto knows = [&](const std::string& name) {
    return std::find(symbols.begin(), symbols.end(), name) != symbols.end();
  };
  std::erase_if(options.fix, [&](const auto& entry) { return !knows(entry.first); });
  std::erase_if(options.ties, [&](const auto& tie) { return !knows(tie.first) || !knows(tie.second); });
  std::erase_if(options.free, [&](const auto& name) { return !knows(name); });
  return options;
}

/// Without the hold-out where there are too few sizes for one.
FitSummary fit_one(const std::string& law, const std::vector<law::RunPoint>& points, FitOptions options) {
  options = constraints_of(law, std::move(options));
  if (options.holdouts.empty()) options.holdouts.assign(kHoldouts.begin(), kHoldouts.end());
  if (!options.holdout.empty()) return fit(law, points, options);
  try {
    options.holdout = kHoldouts.front();
    return fit(law, points, options);
  } catch (const Error&) {
    options.holdout.clear();
    return fit(law, points, options);
  }
}

Json holdout_or_null(const FitSummary& fit, std::string_view rule) {
  const auto found = fit.holdouts.find(std::string(rule));
  if (found == fit.holdouts.end()) return nullptr;
  const auto& error = found->second.rms_log;
  return {{"rms_log", error ? Json(*error) : Json(nullptr)},
          {"rows", found->second.rows},
          {"outside", found->second.outside}};
}

}  // namespace

EveryLaw fit_every_law(const std::vector<law::RunPoint>& points, const FitOptions& options) {
  EveryLaw result;
  for (const auto& law : law_names()) {
    try {
      result.fits.push_back(fit_one(law, points, options));
    } catch (const Error& problem) {
      result.skipped.push_back({law, problem.what()});
    } catch (const Failure& problem) {
      result.skipped.push_back({law, problem.what()});
    }
  }
  Problems problems;
  for (const auto& [law, why] : result.skipped) problems.push_back(why);
  if (result.fits.empty()) refuse_if(problems);
  return result;
}

std::vector<std::size_t> ranking(const std::vector<FitSummary>& fits) {
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < fits.size(); ++k)
    if (target_of(fits[k].law) == target_of(fits.front().law)) order.push_back(k);
  const auto key = [&](std::size_t k) {
    const auto& fit = fits[k];
    const bool known = fit.holdout && fit.holdout->rms_log;
    return std::tuple(known ? fit.holdout->outside : std::numeric_limits<std::int64_t>::max(),
                      known ? *fit.holdout->rms_log : std::numeric_limits<double>::infinity(), fit.aic);
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  return order;
}

std::string best_of(const std::vector<FitSummary>& fits) {
  if (fits.empty()) return "";
  const FitSummary& first = fits[ranking(fits).front()];
  return fits.size() == 1 || (first.holdout && first.holdout->rms_log) ? first.law : "";
}

Json ranking_json(const std::vector<FitSummary>& fits) {
  Json list = Json::array();
  for (const std::size_t k : ranking(fits)) {
    const FitSummary& fit = fits[k];
    Json holdouts = Json::object();
    for (const auto rule : kHoldouts) holdouts[std::string(rule)] = holdout_or_null(fit, rule);
    list.push_back({{"law", fit.law},
                    {"rows", fit.rows},
                    {"parameters", fit.free_parameters},
                    {"holdouts", holdouts},
                    {"aic", fit.aic},
                    {"bic", fit.bic},
                    {"yardstick", fit.law == law::FreeEff::name}});
  }
  return list;
}

}  // namespace vernier::fit
