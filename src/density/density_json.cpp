#include "density/density.h"
#include "density/json.h"

namespace vernier::density {

namespace {

Json json_of(const ModelDensity& model) {
  return {{"run_id", model.run},
          {"kind", row_of(model.kind).name},
          {"parent", text_or_null(model.parent)},
          {"method", text_or_null(model.method)},
          {"precision", text_or_null(model.precision)},
          {"reference", model.reference},
          {"fitted", model.fitted},
          {"beaten", text_or_null(model.beaten)},
          {"recipe", text_or_null(model.recipe)},
          {"recipe_date", text_or_null(model.recipe_date)},
          {"learning_rate", value_or_null(model.learning_rate)},
          {"params", value_or_null(model.params)},
          {"tokens", value_or_null(model.tokens)},
          {"loss", value_or_null(model.loss)},
          {"measure", row_of(model.measure).name},
          {"score", value_or_null(model.score)},
          {"score_se", value_or_null(model.score_se)},
          {"task_loss", value_or_null(model.task_loss)},
          {"task_loss_se", value_or_null(model.task_loss_se)},
          {"compared_at_tokens", value_or_null(model.compared_at)},
          {"bits", value_or_null(model.bits)},
          {"stored_bits", value_or_null(model.stored_bits)},
          {"total_bits", value_or_null(model.total_bits)},
          {"n_effective", value_or_null(model.n_effective)},
          {"density", value_or_null(model.density)},
          {"lo", value_or_null(model.lo)},
          {"hi", value_or_null(model.hi)},
          {"density_per_bit", value_or_null(model.density_per_bit)},
          {"density_per_stored_bit", value_or_null(model.density_per_stored_bit)},
          {"n_eff_precision_law", value_or_null(model.n_eff_precision_law)},
          {"flops_per_token", value_or_null(model.flops_per_token)},
          {"density_by_flops", value_or_null(model.density_by_flops)},
          {"density_by_flops_lo", value_or_null(model.flops_lo)},
          {"density_by_flops_hi", value_or_null(model.flops_hi)},
          {"why_absent", text_or_null(model.why_absent)},
          {"why_open", text_or_null(model.why_open)}};
}

Json json_of(const std::optional<DensityTrend>& trend) {
  if (!trend) return nullptr;
  return {{"slope_per_day", trend->line.slope},
          {"lo", trend->lo},
          {"hi", trend->hi},
          {"r2", trend->line.r2},
          {"points", trend->line.points},
          {"residual_variance", trend->line.variance},
          {"aicc", value_or_null(trend->aicc)},
          {"p", trend->p},
          {"null",
           {{"log_density", trend->line.level},
            {"residual_variance", trend->line.null_variance},
            {"aicc", value_or_null(trend->null_aicc)}}}};
}

Json json_of(const DatedDensity& point) {
  return {{"date", point.date},       {"days", days_of(point.date)},   {"run_id", point.run},
          {"density", point.density}, {"lo", value_or_null(point.lo)}, {"hi", value_or_null(point.hi)},
          {"record", point.record}};
}

}  // namespace

Json to_json(const DensingLaw& law) {
  Json points = Json::array();
  for (const DatedDensity& point : law.points) points.push_back(json_of(point));
  return {{"slope_per_day", value_or_null(law.slope_per_day)},
          {"intercept", value_or_null(law.intercept)},
          {"r2", value_or_null(law.r2)},
          {"doubling_days", value_or_null(law.doubling_days)},
          {"lo", value_or_null(law.lo)},
          {"hi", value_or_null(law.hi)},
          {"interval_of", "slope_per_day"},
          {"doubling_lo", value_or_null(law.doubling_lo)},
          {"doubling_hi", value_or_null(law.doubling_hi)},
          {"records", json_of(law.trend)},
          {"all_dates", json_of(law.all_dates)},
          {"day_zero", "2023-02-27"},
          {"why_absent", text_or_null(law.why_absent)},
          {"sentence", text_or_null(law.sentence)},
          {"points", points}};
}

Json to_json(const std::vector<ModelDensity>& models, const DensingLaw& law, const fit::FitSummary& reference,
             const fit::FitSummary* precision_law) {
  Json list = Json::array();
  for (const ModelDensity& model : models) list.push_back(json_of(model));
  Json object{{"reference", fit::to_json(reference)}};
  object["precision_law"] = precision_law == nullptr ? Json(nullptr) : fit::to_json(*precision_law);
  object["models"] = std::move(list);
  object["densing_law"] = to_json(law);
  return object;
}

}  // namespace vernier::density
