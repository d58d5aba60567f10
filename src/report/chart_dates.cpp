#include <algorithm>
#include <cmath>

#include "report/density_charts.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

constexpr int kStepsOfALine = 30;

Json date_axis() {
  return {{"field", "date"},
          {"type", "temporal"},
          {"title", "date of the recipe"},
          {"axis", {{"format", "%Y"}, {"tickCount", "year"}}}};
}

Json model_rows(const density::Analysis& analysis) {
  Json rows = Json::array();
  for (const auto& model : analysis.models)
    if (model.kind == density::Kind::Trained && model.density && !model.recipe_date.empty())
      rows.push_back({{"run", model.run}, {"date", model.recipe_date}, {"density", *model.density}});
  return rows;
}

std::string recipe_of(const density::Analysis& analysis, const std::string& run) {
  const auto found =
      std::find_if(analysis.models.begin(), analysis.models.end(), [&](const auto& model) { return model.run == run; });
  return found == analysis.models.end() ? "" : found->recipe;
}

Json typical_rows(const density::Analysis& analysis) {
  Json rows = Json::array();
  for (const auto& point : analysis.typical_law.points)
    rows.push_back({{"date", point.date}, {"density", point.density}});
  return rows;
}

Json best_rows(const density::Analysis& analysis) {
  Json rows = Json::array();
  for (const auto& point : analysis.law.points) {
    Json row{{"date", point.date},
             {"density", point.density},
             {"recipe", recipe_of(analysis, point.run)},
             {"kind", point.record ? "record" : "no record"}};
    if (point.lo || point.hi) {
      row["lo"] = point.lo.value_or(point.density);
      row["hi"] = point.hi.value_or(point.density);
    }
    rows.push_back(row);
  }
  return rows;
}

/// The line over the record holders with the 90 % band of its replicates.
Json line_rows(const density::DensingLaw& law) {
  Json rows = Json::array();
  const double first = density::days_of(law.points.front().date), last = density::days_of(law.points.back().date);
  for (int i = 0; i <= kStepsOfALine; ++i) {
    const double days = first + (last - first) * i / double(kStepsOfALine);
    Json row{{"date", density::date_of(std::round(days))}, {"density", std::exp(law.trend->line.at(days))}};
    std::vector<double> replicates;
    for (const auto& line : law.replicates) replicates.push_back(line.at(days));
    if (const auto ends = fit::interval_90(replicates))
      row["lo"] = std::exp(ends->first), row["hi"] = std::exp(ends->second);
    row["null"] = std::exp(law.trend->line.level);
    rows.push_back(row);
  }
  return rows;
}

void add_line(Json& layers, const density::DensingLaw& law, const Json& x, const Json& y) {
  const Json line = vega::data(line_rows(law));
  layers.push_back({{"data", line},
                    {"mark", {{"type", "area"}, {"color", vega::kAccent}, {"opacity", 0.16}, {"clip", true}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  layers.push_back({{"data", line},
                    {"mark", {{"type", "line"}, {"color", vega::kAccent}, {"strokeWidth", 2}}},
                    {"encoding", {{"x", x}, {"y", y}}}});
  layers.push_back({{"data", line},
                    {"mark", {{"type", "line"}, {"color", vega::kFaint}, {"strokeDash", {5, 4}}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("null")}}}});
}

}  // namespace

Chart dates_chart(const density::Analysis& analysis) {
  Chart chart{"dates", "Density over the dates of recipes", "", nullptr};
  if (analysis.law.points.size() < 2) {
    chart.caption = "All models with a density have recipes of one date; " + analysis.law.why_absent + ".";
    return chart;
  }
  const Json x = date_axis(), y = vega::logarithmic("density", "density, rho = N_hat / N");
  chart.spec = vega::chart(chart.title, 360);
  auto& layers = chart.spec["layer"];
  layers.push_back({{"data", vega::data(model_rows(analysis))},
                    {"mark", {{"type", "point"}, {"size", 24}, {"strokeWidth", 1}, {"color", vega::kFaint}}},
                    {"encoding", {{"x", x}, {"y", y}}}});
  if (analysis.law.trend) add_line(layers, analysis.law, x, y);
  layers.push_back(
      {{"data", vega::data(typical_rows(analysis))},
       {"mark", {{"type", "point"}, {"shape", "stroke"}, {"size", 260}, {"strokeWidth", 2}, {"color", vega::kInk}}},
       {"encoding", {{"x", x}, {"y", y}}}});
  const Json best = vega::data(best_rows(analysis));
  layers.push_back({{"data", best},
                    {"mark", {{"type", "rule"}, {"strokeWidth", 2}, {"color", vega::kBlue}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  layers.push_back(
      {{"data", best},
       {"mark", {{"type", "point"}, {"filled", true}, {"size", 90}, {"color", vega::kBlue}}},
       {"encoding",
        {{"x", x}, {"y", y}, {"shape", vega::shapes("kind", "densest of its date", {"record", "no record"})}}}});
  layers.push_back(
      {{"data", best},
       {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 8}, {"dy", -10}, {"fontSize", 12}, {"color", vega::kInk}}},
       {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "recipe"}, {"type", "nominal"}}}}}});
  chart.caption =
      "Rings: models; bars: the geometric mean of a recipe's. Points: the densest of each date with its 90 % "
      "interval. " +
      (analysis.law.trend ? "Line and band: ln rho = A t + B over the records; dashed: the same without a trend. " +
                                analysis.law.sentence
                          : "No line: " + analysis.law.why_absent + ".");
  return chart;
}

}  // namespace vernier::report
