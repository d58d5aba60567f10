#include <algorithm>

#include "report/density_charts.h"
#include "report/vega.h"

namespace vernier::report {

Chart compression_chart(const density::Analysis& analysis) {
  Chart chart{"compression", "Pruned and distilled models beside what they were made of", "", nullptr};
  Json rows = Json::array();
  for (const auto& row : analysis.compression.rows) {
    if (!row.ratio) continue;
    Json drawn{{"run", row.run}, {"method", row.method}, {"ratio", *row.ratio}};
    drawn["name"] = row.run.substr(std::min(row.run.find('/') + 1, row.run.size()));
    if (row.lo || row.hi) drawn["lo"] = row.lo.value_or(*row.ratio), drawn["hi"] = row.hi.value_or(*row.ratio);
    rows.push_back(drawn);
  }
  if (rows.empty()) {
    chart.caption = "No compressed model has a density beside that of the model that it was made of.";
    return chart;
  }
  const Json x = vega::logarithmic("ratio", "density over that of the original");
  const Json y{{"field", "name"}, {"type", "nominal"}, {"title", "made by"}, {"axis", {{"labelLimit", 260}}}};
  chart.spec = vega::chart(chart.title, 60 + 28 * int(std::min<std::size_t>(rows.size(), 14)));
  auto& layers = chart.spec["layer"];
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "rule"}, {"color", vega::kBlue}, {"opacity", 0.5}}},
                    {"encoding", {{"x", vega::plain("lo")}, {"x2", {{"field", "hi"}}}, {"y", y}}}});
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "point"}, {"filled", true}, {"size", 60}, {"color", vega::kBlue}}},
                    {"encoding", {{"x", x}, {"y", y}}}});
  layers.push_back({{"data", vega::data(Json::array({Json{{"ratio", 1}}}))},
                    {"mark", {{"type", "rule"}, {"strokeDash", {5, 4}}, {"color", vega::kInk}}},
                    {"encoding", {{"x", vega::plain("ratio")}}}});
  chart.caption = "Left of the dashed line a compressed model is less dense than the original. Bars: 90 % intervals. " +
                  analysis.compression.sentence;
  return chart;
}

}  // namespace vernier::report
