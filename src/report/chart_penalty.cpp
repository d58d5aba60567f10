#include <cmath>
#include <map>

#include "report/chart_rows.h"
#include "report/charts.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

/// Everything of a run but its numbers: what it shares with its unrounded twin.
std::string twin_key(const StoredRun& run) {
  RunSpec spec = run.spec;
  spec.numbers = {};
  return run.record.corpus_digest + to_json(spec).dump();
}

Json penalty_rows(const Study& study) {
  std::map<std::string, const law::RunPoint*> points;
  for (const auto& point : study.data.points) points[point.run] = &point;
  std::map<std::string, double> unrounded;
  for (const auto& run : study.runs)
    if (const auto found = points.find(run.id); found != points.end() && found->second->precision == "baseline")
      unrounded[twin_key(run)] = found->second->loss;

  const auto names = format_names(study);
  Json rows = Json::array();
  for (const auto& run : study.runs) {
    const auto found = points.find(run.id);
    if (found == points.end() || found->second->precision == "baseline") continue;
    const auto twin = unrounded.find(twin_key(run));
    if (twin == unrounded.end()) continue;
    const auto& point = *found->second;
    rows.push_back({{"run", run.id},
                    {"ratio", point.tokens / point.params},
                    {"penalty", point.loss - twin->second},
                    {"format", names.at(point.precision)}});
  }
  return rows;
}

std::vector<std::string> rounded_formats(const Study& study) {
  std::vector<std::string> names;
  for (const auto& format : study.formats)
    if (format.precision != "baseline") names.push_back(format.name);
  return names;
}

}  // namespace

Chart penalty_chart(const Study& study) {
  Chart chart{"penalty", "What rounding costs, run by run", "", nullptr};
  const Json rows = penalty_rows(study);
  if (rows.empty()) {
    chart.caption = "No rounded run has an unrounded twin of the same size, tokens and seed.";
    return chart;
  }
  const auto formats = rounded_formats(study);
  const Json x = vega::logarithmic("ratio", "D/N, tokens per parameter");
  const Json y = vega::linear("penalty", "loss above the twin [nats per token]", {{"scale", {{"zero", true}}}});
  const Json colour = vega::ordered_colours("format", "format", formats);
  chart.spec = vega::chart("Loss above the unrounded twin against tokens per parameter", 340);
  chart.spec["layer"].push_back({{"data", vega::data(Json::array({Json{{"zero", 0}, {"name", "no cost"}}}))},
                                 {"mark", {{"type", "rule"}, {"color", vega::kFaint}}},
                                 {"encoding", {{"y", vega::plain("zero")}}}});
  chart.spec["layer"].push_back(
      {{"data", vega::data(rows)},
       {"mark", {{"type", "point"}, {"filled", true}, {"size", 55}, {"opacity", 0.85}}},
       {"encoding", {{"x", x}, {"y", y}, {"color", colour}, {"shape", vega::shapes("format", "format", formats)}}}});
  chart.caption =
      "Each point is one rounded run against the run of the same size, tokens and seed in which nothing is rounded. "
      "The precision law expects the cost to grow with D/N: the more data per parameter, the more a lost "
      "parameter is missed. Below zero the noise is larger than the cost.";
  return chart;
}

}  // namespace vernier::report
