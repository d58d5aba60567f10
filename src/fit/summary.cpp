#include "fit/summary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace vernier::fit {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json interval_json(const Interval& interval) {
  return {{"value", interval.value},
          {"lo", or_null(interval.lo)},
          {"hi", or_null(interval.hi)},
          {"se", or_null(interval.se)},
          {"identified", or_null(interval.identified)},
          {"profile", {{"lo", or_null(interval.profile_lo)}, {"hi", or_null(interval.profile_hi)}}},
          {"with", interval.with}};
}

Json holdout_json(const Holdout& holdout) {
  return {{"rms_log", or_null(holdout.rms_log)}, {"rows", holdout.rows}, {"outside", holdout.outside}};
}

Json holdouts_json(const std::map<std::string, Holdout>& holdouts) {
  Json json = Json::object();
  for (const auto& [rule, holdout] : holdouts) json[rule] = holdout_json(holdout);
  return json;
}

Json noise_json(const SeedNoise& noise) {
  return {{"sigma", noise.sigma},
          {"exponent", noise.exponent},
          {"params", noise.params},
          {"cells", noise.cells},
          {"degrees", noise.degrees}};
}

Json starts_json(const std::vector<StartEnd>& starts) {
  Json list = Json::array();
  for (const auto& [start, end, objective] : starts)
    list.push_back({{"start", start}, {"end", end}, {"objective", objective}});
  return list;
}

/// json[key] as T; throws Error with the place. A missing key and null give absence.
template <class T>
std::optional<T> maybe(const Json& json, const char* key, const std::string& place) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  try {
    return found->get<T>();
  } catch (const Json::exception&) {
    throw Error(
        fmt::format("{}: {}: not of the type that `vernier fit --json` writes, found {}", place, key, found->dump()));
  }
}

template <class T>
T wanted(const Json& json, const char* key, const std::string& place) {
  if (const auto value = maybe<T>(json, key, place)) return *value;
  throw Error(fmt::format("{}: {}: missing; expected a fit as `vernier fit --json` writes it", place, key));
}

Interval interval_from(const Json& json, const std::string& place) {
  if (!json.is_object()) throw Error(fmt::format("{}: expected an object with a value, found {}", place, json.dump()));
  Interval interval{wanted<double>(json, "value", place), maybe<double>(json, "lo", place),
                    maybe<double>(json, "hi", place), maybe<double>(json, "se", place),
                    maybe<bool>(json, "identified", place)};
  if (const auto profile = maybe<Json>(json, "profile", place); profile && profile->is_object()) {
    interval.profile_lo = maybe<double>(*profile, "lo", place);
    interval.profile_hi = maybe<double>(*profile, "hi", place);
  }
  interval.with = maybe<std::vector<std::string>>(json, "with", place).value_or(interval.with);
  return interval;
}

Holdout holdout_from(const Json& json, const std::string& place) {
  return {maybe<double>(json, "rms_log", place), wanted<std::int64_t>(json, "rows", place),
          maybe<std::int64_t>(json, "outside", place).value_or(0)};
}

std::vector<StartEnd> starts_from(const Json& json, const std::string& place) {
  std::vector<StartEnd> starts;
  for (const auto& start : json)
    starts.push_back({wanted<std::vector<double>>(start, "start", place),
                      wanted<std::vector<double>>(start, "end", place), wanted<double>(start, "objective", place)});
  return starts;
}

}  // namespace

Json to_json(const FitSummary& summary) {
  Json parameters = Json::object(), excluded = Json::array();
  for (std::size_t k = 0; k < summary.symbols.size(); ++k)
    parameters[summary.symbols[k]] = interval_json(summary.parameters[k]);
  for (const auto& [run, why] : summary.excluded) excluded.push_back({{"run", run}, {"why", why}});
  Json json = {{"law", summary.law},
               {"parameters", parameters},
               {"objective", summary.objective},
               {"rms_log", summary.rms_log},
               {"r2", summary.r2},
               {"free_parameters", summary.free_parameters},
               {"aic", summary.aic},
               {"bic", summary.bic},
               {"holdout", summary.holdout ? holdout_json(*summary.holdout) : Json(nullptr)},
               {"holdouts", holdouts_json(summary.holdouts)},
               {"seed_noise", summary.seed_noise ? noise_json(*summary.seed_noise) : Json(nullptr)},
               {"condition", or_null(summary.condition)},
               {"starts", starts_json(summary.starts)},
               {"starts_at_best", summary.starts_at_best},
               {"seconds", summary.seconds},
               {"stop", summary.stop},
               {"rows", summary.rows},
               {"excluded", excluded},
               {"huber_delta", summary.huber_delta},
               {"labels", summary.labels},
               {"bootstrap", summary.bootstrap},
               {"base", summary.base.empty() ? Json(nullptr) : to_json(summary.base.front())}};
  return json;
}

FitSummary summary_from_json(const Json& json, const std::string& place) {
  if (!json.is_object() || !json.contains("law"))
    throw Error(fmt::format("{}: expected a fit as `vernier fit --json` writes it", place));
  FitSummary summary;
  summary.law = wanted<std::string>(json, "law", place);
  const Json parameters = wanted<Json>(json, "parameters", place);
  if (!parameters.is_object()) throw Error(fmt::format("{}: parameters: expected an object", place));
  for (const auto& [symbol, interval] : parameters.items()) {
    summary.symbols.push_back(symbol);
    summary.parameters.push_back(interval_from(interval, fmt::format("{}: parameters.{}", place, symbol)));
  }
  summary.labels = maybe<std::map<std::string, std::string>>(json, "labels", place).value_or(summary.labels);
  summary.objective = maybe<double>(json, "objective", place).value_or(0);
  summary.rms_log = maybe<double>(json, "rms_log", place).value_or(0);
  summary.r2 = maybe<double>(json, "r2", place).value_or(0);
  summary.free_parameters = maybe<std::int64_t>(json, "free_parameters", place).value_or(0);
  summary.aic = maybe<double>(json, "aic", place).value_or(0);
  summary.bic = maybe<double>(json, "bic", place).value_or(0);
  if (const auto holdout = maybe<Json>(json, "holdout", place)) summary.holdout = holdout_from(*holdout, place);
  if (const auto holdouts = maybe<Json>(json, "holdouts", place); holdouts && holdouts->is_object())
    for (const auto& [rule, holdout] : holdouts->items()) summary.holdouts[rule] = holdout_from(holdout, place);
  if (const auto noise = maybe<Json>(json, "seed_noise", place))
    summary.seed_noise =
        SeedNoise{wanted<double>(*noise, "sigma", place), wanted<double>(*noise, "exponent", place),
                  wanted<double>(*noise, "params", place), wanted<std::int64_t>(*noise, "cells", place),
                  wanted<std::int64_t>(*noise, "degrees", place)};
  summary.condition = maybe<double>(json, "condition", place);
  if (const auto starts = maybe<Json>(json, "starts", place); starts && starts->is_array())
    summary.starts = starts_from(*starts, place);
  summary.starts_at_best = maybe<std::int64_t>(json, "starts_at_best", place).value_or(0);
  summary.seconds = maybe<double>(json, "seconds", place).value_or(0);
  summary.stop = maybe<std::string>(json, "stop", place).value_or("");
  summary.rows = maybe<std::int64_t>(json, "rows", place).value_or(0);
  if (const auto excluded = maybe<Json>(json, "excluded", place))
    for (const auto& run : *excluded)
      summary.excluded.push_back({wanted<std::string>(run, "run", place), wanted<std::string>(run, "why", place)});
  summary.huber_delta = maybe<double>(json, "huber_delta", place).value_or(summary.huber_delta);
  summary.bootstrap = maybe<std::vector<std::vector<double>>>(json, "bootstrap", place).value_or(summary.bootstrap);
  if (const auto base = maybe<Json>(json, "base", place))
    summary.base.push_back(summary_from_json(*base, fmt::format("{}: base", place)));
  for (const auto& replicate : summary.bootstrap)
    if (replicate.size() != summary.symbols.size())
      throw Error(fmt::format("{}: bootstrap: expected {} numbers in each replicate, found {}", place,
                              summary.symbols.size(), replicate.size()));
  return summary;
}

namespace {

Json json_of_file(const std::string& path) {
  Json json = Json::parse(text_of_file(path), nullptr, false);
  if (json.is_discarded()) throw Error(fmt::format("{}: not JSON; expected what `vernier fit --json` prints", path));
  return json;
}

std::vector<FitSummary> fits_of(const Json& json, const std::string& path) {
  if (!json.is_object() || !json.contains("fits")) return {summary_from_json(json, path)};
  std::vector<FitSummary> fits;
  for (std::size_t k = 0; k < json["fits"].size(); ++k)
    fits.push_back(summary_from_json(json["fits"][k], fmt::format("{}: fits[{}]", path, k)));
  if (fits.empty()) throw Error(fmt::format("{}: holds no fit", path));
  return fits;
}

}  // namespace

std::vector<FitSummary> read_fits(const std::string& path) { return fits_of(json_of_file(path), path); }

FitSummary read_fit(const std::string& path, const std::string& law) {
  const Json json = json_of_file(path);
  const auto fits = fits_of(json, path);
  if (law.empty() && fits.size() == 1) return fits.front();
  const std::string wanted_law = law.empty() ? maybe<std::string>(json, "best", path).value_or("") : law;
  std::vector<std::string> names;
  for (const auto& fit : fits) {
    if (fit.law == wanted_law) return fit;
    names.push_back(fit.law);
  }
  if (wanted_law.empty())
    throw Error(fmt::format("{}: holds several fits; choose with --law {}", path, fmt::join(names, "|")));
  throw Error(fmt::format("{}: holds no fit of '{}'; it has {}", path, wanted_law, fmt::join(names, ", ")));
}

std::optional<std::pair<double, double>> interval_90(std::vector<double> values) {
  constexpr std::size_t kFewest = 10;
  if (values.size() < kFewest) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return std::pair(quantile(0.05), quantile(0.95));
}

}  // namespace vernier::fit
