#include <algorithm>

#include "report/chart_rows.h"
#include "report/charts.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

constexpr std::size_t kRowsOfOneCurve = 120;

std::map<std::string, std::string> precision_of_runs(const Study& study) {
  std::map<std::string, std::string> precisions;
  for (const auto& point : study.data.points) precisions[point.run] = point.precision;
  return precisions;
}

Json curve_layer(const std::vector<const StoredRun*>& runs, const std::map<double, std::string>& sizes,
                 const Json& colour) {
  Json rows = Json::array();
  for (const auto* run : runs)
    for (const auto& row : thinned(run->curve, kRowsOfOneCurve))
      if (row.tokens > 0 && row.loss_train > 0)
        rows.push_back({{"run", run->id},
                        {"N", sizes.at(run->record.parameters.non_embedding())},
                        {"tokens", row.tokens},
                        {"loss", row.loss_train}});
  return {{"data", vega::data(rows)},
          {"mark", {{"type", "line"}, {"strokeWidth", 1}, {"opacity", 0.55}, {"clip", true}}},
          {"encoding",
           {{"x", vega::logarithmic_count("tokens", "D, tokens seen")},
            {"y", vega::logarithmic("loss", "loss [nats per token]")},
            {"color", colour},
            {"detail", {{"field", "run"}, {"type", "nominal"}}}}}};
}

Json end_layer(const std::vector<const StoredRun*>& runs, const std::map<double, std::string>& sizes,
               const Json& colour) {
  Json rows = Json::array();
  for (const auto* run : runs)
    if (run->record.loss_val)
      rows.push_back({{"run", run->id},
                      {"N", sizes.at(run->record.parameters.non_embedding())},
                      {"tokens", run->spec.tokens},
                      {"loss", *run->record.loss_val}});
  return {{"data", vega::data(rows)},
          {"mark", {{"type", "point"}, {"filled", true}, {"size", 42}, {"opacity", 1}}},
          {"encoding", {{"x", vega::plain("tokens")}, {"y", vega::plain("loss")}, {"color", colour}}}};
}

Chart curves_chart(const Study& study, std::string id, std::string title, const std::string& precision,
                   const std::string& which) {
  Chart chart{std::move(id), std::move(title), "", nullptr};
  const auto precisions = precision_of_runs(study);
  std::vector<const StoredRun*> runs;
  std::vector<double> sizes;
  for (const auto& run : study.runs) {
    const auto found = precisions.find(run.id);
    if (found == precisions.end() || found->second != precision) continue;
    runs.push_back(&run);
    sizes.push_back(run.record.parameters.non_embedding());
  }
  if (runs.empty()) {
    chart.caption = "No finished run " + which + " is in the store.";
    return chart;
  }
  const auto names = names_of_counts(distinct(sizes));
  const auto colour = vega::ordered_colours("N", "N, parameters outside embeddings", in_order(names));
  chart.spec = vega::chart("Training loss against tokens of the runs " + which, 340);
  chart.spec["layer"].push_back(curve_layer(runs, names, colour));
  chart.spec["layer"].push_back(end_layer(runs, names, colour));
  if (const auto entropy = known_entropy(study.runs))
    vega::add_level(chart.spec, "loss", *entropy, "entropy of the language, " + digits(*entropy));
  chart.caption =
      "Training loss of the " + counted(runs.size(), "run") + " " + which +
      ". One trunk at constant rate serves several token counts: each branch leaves it, cools down and ends in a "
      "dot, its loss on held-out tokens.";
  return chart;
}

}  // namespace

Chart unrounded_curves_chart(const Study& study) {
  return curves_chart(study, "curves-unrounded", "Loss while training, nothing rounded", "baseline",
                      "in which nothing is rounded");
}

Chart narrow_curves_chart(const Study& study) {
  const auto narrowest = std::min_element(study.formats.begin(), study.formats.end(),
                                          [](const auto& a, const auto& b) { return a.bits < b.bits; });
  if (narrowest == study.formats.end() || narrowest->precision == "baseline")
    return {"curves-narrow", "Loss while training, rounded",
            "No finished run in which anything is rounded is in the store.", nullptr};
  return curves_chart(study, "curves-narrow", "Loss while training, " + narrowest->name, narrowest->precision,
                      "at the fewest bits, " + narrowest->name);
}

}  // namespace vernier::report
