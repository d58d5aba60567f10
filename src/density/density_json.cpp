#include "density/density.h"

namespace vernier::density {

namespace {

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json json_of(const ModelDensity& model) {
  return {{"run_id", model.run},
          {"precision", text_or_null(model.precision)},
          {"reference", model.reference},
          {"params", value_or_null(model.params)},
          {"tokens", value_or_null(model.tokens)},
          {"loss", value_or_null(model.loss)},
          {"compared_at_tokens", value_or_null(model.compared_at)},
          {"bits", value_or_null(model.bits)},
          {"n_effective", value_or_null(model.n_effective)},
          {"density", value_or_null(model.density)},
          {"lo", value_or_null(model.lo)},
          {"hi", value_or_null(model.hi)},
          {"density_per_bit", value_or_null(model.density_per_bit)},
          {"n_eff_precision_law", value_or_null(model.n_eff_precision_law)},
          {"why_absent", text_or_null(model.why_absent)},
          {"why_open", text_or_null(model.why_open)}};
}

Json json_of(const DensingLaw& law) {
  Json points = Json::array();
  for (const DatedDensity& point : law.points)
    points.push_back({{"date", point.date},
                      {"days", days_of(point.date)},
                      {"run_id", point.run},
                      {"density", point.density},
                      {"record", point.record}});
  return {{"slope_per_day", value_or_null(law.slope_per_day)},
          {"intercept", value_or_null(law.intercept)},
          {"r2", value_or_null(law.r2)},
          {"doubling_days", value_or_null(law.doubling_days)},
          {"lo", value_or_null(law.lo)},
          {"hi", value_or_null(law.hi)},
          {"interval_of", "slope_per_day"},
          {"day_zero", "2023-02-27"},
          {"why_absent", text_or_null(law.why_absent)},
          {"points", points}};
}

}  // namespace

Json to_json(const std::vector<ModelDensity>& models, const DensingLaw& law, const fit::FitSummary& reference,
             const fit::FitSummary* precision_law) {
  Json list = Json::array();
  for (const ModelDensity& model : models) list.push_back(json_of(model));
  Json object{{"reference", fit::to_json(reference)}};
  object["precision_law"] = precision_law == nullptr ? Json(nullptr) : fit::to_json(*precision_law);
  object["models"] = std::move(list);
  object["densing_law"] = json_of(law);
  return object;
}

}  // namespace vernier::density
