#include <cmath>

#include "report/chart_rows.h"
#include "report/charts.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

const fit::FitSummary* law_shown(const Study& study) {
  if (study.curve) return study.fit_of(*study.curve);
  if (!study.fits.empty()) return &study.fits.front();
  return study.fit_of("chinchilla");
}

Json residual_rows(const Study& study, const fit::FitSummary& law) {
  const auto names = format_names(study);
  const auto parameters = law.values();
  Json rows = Json::array();
  for (const auto& point : study.data.points) {
    if (law.law == "chinchilla" && point.precision != "baseline") continue;
    const double predicted = fit::loss(law, parameters, point);
    if (!std::isfinite(predicted)) continue;
    rows.push_back({{"run", point.run},
                    {"predicted", predicted},
                    {"residual", 100 * std::log(point.loss / predicted)},
                    {"format", names.at(point.precision)}});
  }
  return rows;
}

}  // namespace

Chart residuals_chart(const Study& study) {
  Chart chart{"residuals", "What the law leaves unexplained", "", nullptr};
  const auto* law = law_shown(study);
  if (!law) {
    chart.caption = "No law could be fitted; the table of fits says why.";
    return chart;
  }
  const Json rows = residual_rows(study, *law);
  const auto formats = format_order(study);
  const Json x = vega::logarithmic("predicted", "loss by the law [nats per token]");
  const Json y = vega::linear("residual", "ln L - ln L_law [%]", {{"scale", {{"zero", true}}}});
  chart.spec = vega::chart("Residuals of " + law->law, 400);
  auto& layers = chart.spec["layer"];
  if (study.seed_noise) {
    const double noise = 100 * *study.seed_noise;
    layers.push_back({{"data", vega::data(Json::array({Json{{"lo", -2 * noise}, {"hi", 2 * noise}}}))},
                      {"mark", {{"type", "rect"}, {"color", vega::kFaint}, {"opacity", 0.18}}},
                      {"encoding", {{"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  }
  layers.push_back({{"data", vega::data(Json::array({Json{{"zero", 0}, {"name", "the law"}}}))},
                    {"mark", {{"type", "rule"}, {"color", vega::kInk}}},
                    {"encoding", {{"y", vega::plain("zero")}}}});
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "point"}, {"filled", true}, {"size", 55}, {"opacity", 0.85}}},
                    {"encoding",
                     {{"x", x},
                      {"y", y},
                      {"color", vega::ordered_colours("format", "format", formats)},
                      {"shape", vega::shapes("format", "format", formats)}}}});
  chart.caption = "Residuals of " + law->law + ", root mean square " + percent(law->rms_log) +
                  ". A law that fits leaves no pattern.";
  if (study.seed_noise)
    chart.caption +=
        " Grey: twice the standard deviation over seeds to either side, " + percent(2 * *study.seed_noise) + ".";
  return chart;
}

std::vector<Chart> charts(const Study& study) {
  return {unrounded_curves_chart(study), narrow_curves_chart(study),   loss_by_size_chart(study),
          loss_by_tokens_chart(study),   penalty_chart(study),         share_chart(study),
          density_chart(study),          density_per_bit_chart(study), meeting_chart(study),
          residuals_chart(study)};
}

}  // namespace vernier::report
