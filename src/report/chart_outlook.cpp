#include "report/density_charts.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {

Chart outlook_chart(const density::Analysis& analysis) {
  Chart chart{"outlook", "Parameters that the same result takes, over time", "", nullptr};
  const auto& outlook = analysis.outlook;
  if (outlook.points.empty()) {
    chart.caption = "Nothing can be said: " + outlook.why_absent + ".";
    return chart;
  }
  Json rows = Json::array();
  for (const auto& point : outlook.points) {
    Json row{{"date", point.date},
             {"params", point.params.value},
             {"kind", point.extrapolated ? "extrapolated" : "within the data"}};
    if (point.params.lo) row["lo"] = *point.params.lo;
    if (point.params.hi) row["hi"] = *point.params.hi;
    rows.push_back(row);
  }
  const Json x{
      {"field", "date"}, {"type", "temporal"}, {"title", "date"}, {"axis", {{"format", "%Y"}, {"tickCount", "year"}}}};
  const Json y = vega::logarithmic_count("params", "parameters of the densest recipe");
  chart.spec = vega::chart(chart.title, 320);
  auto& layers = chart.spec["layer"];
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "area"}, {"color", vega::kAccent}, {"opacity", 0.16}, {"clip", true}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  layers.push_back(
      {{"data", vega::data(rows)},
       {"mark", {{"type", "line"}, {"color", vega::kAccent}, {"point", {{"filled", true}, {"size", 60}}}}},
       {"encoding",
        {{"x", x}, {"y", y}, {"shape", vega::shapes("kind", "date", {"within the data", "extrapolated"})}}}});
  chart.caption = fmt::format(
      "Computed from the densing law over these recipes: N_hat / rho_max(t) for a {} of {}, with its 90 % band. Beyond "
      "the last recipe it is an extrapolation of a line through few points.",
      density::row_of(analysis.measure).words, digits(outlook.asked.value));
  return chart;
}

std::vector<Chart> density_charts(const density::Analysis& analysis) {
  return {score_chart(analysis),     dates_chart(analysis),   stored_bits_chart(analysis), frontier_chart(analysis),
          both_laws_chart(analysis), parting_chart(analysis), compression_chart(analysis), outlook_chart(analysis)};
}

}  // namespace vernier::report
