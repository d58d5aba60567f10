#include <algorithm>
#include <limits>

#include "report/chart_meeting.h"
#include "report/chart_rows.h"
#include "report/charts.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

/// N_eff/N of a format: free where there is such a fit, else by the curve.
const std::optional<fit::Interval>& share_of(const Format& format) {
  return format.free_share ? format.free_share : format.law_share;
}

Json meeting_rows(const Study& study) {
  Json rows = Json::array();
  for (const auto& format : study.formats) {
    const auto& share = share_of(format);
    if (!share || !format.density || format.precision == "baseline") continue;
    Json row{{"format", format.name}, {"share", share->value}, {"density", format.density->value}};
    vega::add_interval(row, *share, "share_");
    vega::add_interval(row, *format.density, "density_");
    rows.push_back(row);
  }
  return rows;
}

/// The two ends of the line on which both laws say the same.
Json equality(const Json& rows) {
  double low = 1, high = 1;
  for (const auto& row : rows)
    for (const auto* key : {"share", "density", "share_lo", "share_hi", "density_lo", "density_hi"})
      if (row.contains(key)) low = std::min(low, row[key].get<double>()), high = std::max(high, row[key].get<double>());
  low = std::max(low, 1e-3) / 1.1;
  high *= 1.1;
  return Json::array({Json{{"share", low}, {"density", low}}, Json{{"share", high}, {"density", high}}});
}

}  // namespace

Json both_laws_spec(const std::string& title, const Json& rows, const std::string& x_title,
                    const std::string& y_title) {
  const Json x = vega::logarithmic("share", x_title);
  const Json y = vega::logarithmic("density", y_title);
  Json spec = vega::chart(title, 400);
  auto& layers = spec["layer"];
  layers.push_back({{"data", vega::data(equality(rows))},
                    {"mark", {{"type", "line"}, {"color", vega::kFaint}, {"strokeDash", {5, 4}}}},
                    {"encoding", {{"x", x}, {"y", y}}}});
  const Json rule{{"type", "rule"}, {"strokeWidth", 1.5}, {"color", vega::kBlue}};
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", rule},
                    {"encoding", {{"x", vega::plain("share_lo")}, {"x2", {{"field", "share_hi"}}}, {"y", y}}}});
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", rule},
                    {"encoding", {{"x", x}, {"y", vega::plain("density_lo")}, {"y2", {{"field", "density_hi"}}}}}});
  layers.push_back(
      {{"data", vega::data(rows)},
       {"mark", {{"type", "point"}, {"filled", true}, {"size", 90}, {"color", vega::kBlue}, {"opacity", 1}}},
       {"encoding", {{"x", x}, {"y", y}}}});
  layers.push_back(
      {{"data", vega::data(rows)},
       {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 9}, {"dy", 13}, {"fontSize", 12}, {"color", vega::kInk}}},
       {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "format"}, {"type", "nominal"}}}}}});
  return spec;
}

Chart meeting_chart(const Study& study) {
  Chart chart{"meeting", "Where the two laws meet", "", nullptr};
  const Json rows = meeting_rows(study);
  if (rows.empty()) {
    chart.caption = "Both a precision law and a reference fit are needed here; the table of fits says what is missing.";
    return chart;
  }
  chart.spec = both_laws_spec(chart.title, rows, "N_eff / N by the precision law",
                              "density rho = N_hat / N by the reference family");
  chart.caption =
      "One point for each format, with both 90 % intervals; a bar to one side only is open on the other. On the dashed "
      "line both laws say the same: lowering the "
      "bits acts exactly like removing parameters.";
  return chart;
}

}  // namespace vernier::report
