#include <algorithm>
#include <map>

#include "report/chart_rows.h"
#include "report/density_charts.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

constexpr int kStepsOfACurve = 80;

double score_at(const fit::FitSummary& law, const std::vector<double>& parameters, double task_loss) {
  law::RunPoint point;
  point.task_loss = task_loss;
  return fit::loss(law, parameters, point);
}

std::map<double, std::string> names_of_sizes(const density::Analysis& analysis) {
  std::vector<double> sizes;
  for (const auto& checkpoint : analysis.checkpoints) sizes.push_back(checkpoint.params);
  return names_of_counts(distinct(sizes));
}

Json checkpoint_rows(const density::Analysis& analysis, const std::map<double, std::string>& names) {
  Json rows = Json::array();
  for (const auto& checkpoint : analysis.checkpoints) {
    const TaskResult& cloze = checkpoint.cloze;
    rows.push_back({{"run", checkpoint.name},
                    {"task_loss", cloze.loss},
                    {"score", cloze.accuracy},
                    {"lo", cloze.accuracy - cloze.accuracy_se},
                    {"hi", cloze.accuracy + cloze.accuracy_se},
                    {"N", names.at(checkpoint.params)},
                    {"state", checkpoint.finished ? "finished" : "on the way"}});
  }
  return rows;
}

Json sigmoid_rows(const density::Analysis& analysis) {
  const auto [least, most] =
      std::minmax_element(analysis.checkpoints.begin(), analysis.checkpoints.end(),
                          [](const auto& a, const auto& b) { return a.cloze.loss < b.cloze.loss; });
  const double margin = 0.1 * (most->cloze.loss - least->cloze.loss);
  const auto& law = *analysis.score_law;
  Json rows = Json::array();
  for (int i = 0; i <= kStepsOfACurve; ++i) {
    const double at =
        least->cloze.loss - margin + (most->cloze.loss - least->cloze.loss + 2 * margin) * i / double(kStepsOfACurve);
    Json row{{"task_loss", at}, {"score", score_at(law, law.values(), at)}};
    std::vector<double> replicates;
    for (const auto& parameters : law.bootstrap) replicates.push_back(score_at(law, parameters, at));
    if (const auto ends = fit::interval_90(replicates)) row["lo"] = ends->first, row["hi"] = ends->second;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

Chart score_chart(const density::Analysis& analysis) {
  Chart chart{"score", "From conditional loss to score", "", nullptr};
  if (!analysis.score_law || analysis.checkpoints.empty()) {
    chart.caption = "The reference family was asked no questions, so density is measured by its loss alone.";
    return chart;
  }
  const auto names = names_of_sizes(analysis);
  const Json x = vega::linear("task_loss", "conditional loss of the right answer [nats per token]");
  const Json y = vega::linear("score", "score, share of questions answered rightly");
  const Json colour = vega::ordered_colours("N", "N, parameters outside embeddings", in_order(names));
  chart.spec = vega::chart(chart.title, 360);
  auto& layers = chart.spec["layer"];
  const Json curve = vega::data(sigmoid_rows(analysis));
  layers.push_back({{"data", curve},
                    {"mark", {{"type", "area"}, {"color", vega::kAccent}, {"opacity", 0.16}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  layers.push_back({{"data", curve},
                    {"mark", {{"type", "line"}, {"color", vega::kAccent}, {"strokeWidth", 2}}},
                    {"encoding", {{"x", x}, {"y", y}}}});
  const Json rows = vega::data(checkpoint_rows(analysis, names));
  layers.push_back({{"data", rows},
                    {"mark", {{"type", "rule"}, {"opacity", 0.4}}},
                    {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}, {"color", colour}}}});
  layers.push_back({{"data", rows},
                    {"mark", {{"type", "point"}, {"size", 45}, {"opacity", 0.9}}},
                    {"encoding",
                     {{"x", x},
                      {"y", y},
                      {"color", colour},
                      {"shape", vega::shapes("state", "checkpoint", {"finished", "on the way"})}}}});
  chart.caption =
      "Checkpoints of the reference family, finished ones and those on the way, with the standard error of their "
      "scores. Curve and band: the fitted sigmoid with its 90 % interval; a score is brought back to a loss along it.";
  return chart;
}

}  // namespace vernier::report
