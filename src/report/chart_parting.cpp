#include <algorithm>

#include "report/chart_meeting.h"
#include "report/density_charts.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

Json both_rows(const density::Analysis& analysis) {
  Json rows = Json::array();
  for (const auto& meeting : analysis.meetings.formats) {
    if (!meeting.density || !meeting.share) continue;
    Json row{{"format", meeting.precision}, {"share", meeting.share->value}, {"density", meeting.density->value}};
    vega::add_interval(row, *meeting.share, "share_");
    vega::add_interval(row, *meeting.density, "density_");
    rows.push_back(row);
  }
  return rows;
}

Json parting_rows(const density::Analysis& analysis) {
  Json rows = Json::array();
  const auto add = [&](const density::Meeting& meeting, const std::string& name) {
    for (const auto& group : meeting.groups) {
      if (!group.ratio) continue;
      Json row{{"format", name}, {"tokens", group.tokens_per_parameter}, {"ratio", group.ratio->value}};
      vega::add_interval(row, *group.ratio);
      rows.push_back(row);
    }
  };
  if (analysis.meetings.control) add(*analysis.meetings.control, "unrounded");
  for (const auto& meeting : analysis.meetings.formats) add(meeting, meeting.precision);
  return rows;
}

std::vector<std::string> formats_in(const Json& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows)
    if (names.empty() || names.back() != row["format"]) names.push_back(row["format"].get<std::string>());
  return names;
}

std::string nothing_to_meet(const density::Analysis& analysis) {
  if (!analysis.meetings.why_absent.empty()) return "Nothing to compare: " + analysis.meetings.why_absent + ".";
  return "No precision has both a density and an N_eff/N.";
}

}  // namespace

Chart both_laws_chart(const density::Analysis& analysis) {
  Chart chart{"both-laws", "Both laws at each precision", "", nullptr};
  const Json rows = both_rows(analysis);
  if (rows.empty()) {
    chart.caption = nothing_to_meet(analysis);
    return chart;
  }
  chart.spec =
      both_laws_spec(chart.title, rows, "N_eff / N by " + analysis.precision_law->law, "density rho = N_hat / N");
  chart.caption = fmt::format(
      "One point for each precision, by {}, with both 90 % intervals. On the dashed line both laws say the same.",
      density::row_of(analysis.measure).words);
  return chart;
}

Chart parting_chart(const density::Analysis& analysis) {
  Chart chart{"parting", "Where the two laws part", "", nullptr};
  const Json rows = parting_rows(analysis);
  if (rows.empty()) {
    chart.caption = nothing_to_meet(analysis);
    return chart;
  }
  const auto names = formats_in(rows);
  const Json colour = vega::ordered_colours("format", "precision", names);
  const Json x = vega::logarithmic("tokens", "D/N, training tokens per parameter");
  const Json y = vega::logarithmic("ratio", "density over N_eff / N");
  chart.spec = vega::chart(chart.title, 360);
  auto& layers = chart.spec["layer"];
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "rule"}, {"opacity", 0.5}, {"strokeWidth", 1.5}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}, {"color", colour}}}});
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "line"}, {"point", {{"filled", true}, {"size", 60}}}, {"strokeWidth", 1.5}}},
                    {"encoding", {{"x", x}, {"y", y}, {"color", colour}}}});
  vega::add_level(chart.spec, "ratio", 1, "both laws say the same");
  chart.caption =
      "Runs of a precision in groups of like tokens per parameter. N_eff/N is a constant of the precision; a line that "
      "rises or falls says that the effect of rounding depends on how long a model was trained. The unrounded line is "
      "the control: it shows what the reference law itself misses.";
  return chart;
}

}  // namespace vernier::report
