#include <algorithm>

#include "report/chart_rows.h"
#include "report/charts.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

constexpr int kStepsOfALine = 40;

/// Loss against one of N and D; the other one groups the lines.
struct View {
  double law::RunPoint::*along;
  double law::RunPoint::*group;
  std::string x_title, group_title;
};

std::vector<law::RunPoint> unrounded(const Study& study) {
  std::vector<law::RunPoint> points;
  for (const auto& point : study.data.points)
    if (point.precision == "baseline") points.push_back(point);
  return points;
}

std::vector<double> values_of(const std::vector<law::RunPoint>& points, double law::RunPoint::*member) {
  std::vector<double> values;
  for (const auto& point : points) values.push_back(point.*member);
  return distinct(values);
}

Json point_rows(const std::vector<law::RunPoint>& points, const View& view,
                const std::map<double, std::string>& groups) {
  Json rows = Json::array();
  for (const auto& point : points)
    rows.push_back(
        {{"run", point.run}, {"x", point.*view.along}, {"loss", point.loss}, {"group", groups.at(point.*view.group)}});
  return rows;
}

Json line_rows(const fit::FitSummary& law, const std::vector<double>& along, const View& view,
               const std::map<double, std::string>& groups) {
  Json rows = Json::array();
  const auto parameters = law.values();
  for (const auto& [value, name] : groups)
    for (const double x : log_steps(along.front(), along.back(), kStepsOfALine)) {
      law::RunPoint point;
      point.*view.group = value;
      point.*view.along = x;
      rows.push_back({{"x", x}, {"loss", fit::loss(law, parameters, point)}, {"group", name}});
    }
  return rows;
}

Json draw(const Study& study, const View& view, const std::vector<law::RunPoint>& points) {
  const auto groups = names_of_counts(values_of(points, view.group));
  const auto colour = vega::ordered_colours("group", view.group_title, in_order(groups));
  Json spec = vega::chart("Loss against " + view.x_title, 340);
  const Json x = vega::logarithmic_count("x", view.x_title);
  const Json y = vega::logarithmic("loss", "loss [nats per token]");
  if (study.reference)
    spec["layer"].push_back(
        {{"data", vega::data(line_rows(*study.reference, values_of(points, view.along), view, groups))},
         {"mark", {{"type", "line"}, {"strokeWidth", 1.5}, {"clip", true}}},
         {"encoding", {{"x", x}, {"y", y}, {"color", colour}}}});
  spec["layer"].push_back({{"data", vega::data(point_rows(points, view, groups))},
                           {"mark", {{"type", "point"}, {"filled", true}, {"size", 55}, {"opacity", 0.9}}},
                           {"encoding",
                            {{"x", x},
                             {"y", y},
                             {"color", colour},
                             {"shape", vega::shapes("group", view.group_title, in_order(groups))}}}});
  if (const auto entropy = known_entropy(study.runs))
    vega::add_level(spec, "loss", *entropy, "entropy of the language, " + digits(*entropy));
  return spec;
}

Chart loss_chart(const Study& study, std::string id, std::string title, const View& view, const std::string& lines) {
  Chart chart{std::move(id), std::move(title), "", nullptr};
  const auto points = unrounded(study);
  if (points.empty()) {
    chart.caption = "No finished run in which nothing is rounded is in the store.";
    return chart;
  }
  chart.spec = draw(study, view, points);
  chart.caption = "Points: the runs in which nothing is rounded, one for each seed. ";
  chart.caption += study.reference
                       ? "Lines: the fitted surface L = E + A/N^alpha + B/D^beta, one for each " + lines + "."
                       : "There is no fitted surface; the table of fits says why.";
  return chart;
}

}  // namespace

Chart loss_by_size_chart(const Study& study) {
  const View view{&law::RunPoint::params, &law::RunPoint::tokens, "N, parameters outside embeddings", "D, tokens"};
  return loss_chart(study, "loss-n", "Loss against model size", view, "token count");
}

Chart loss_by_tokens_chart(const Study& study) {
  const View view{&law::RunPoint::tokens, &law::RunPoint::params, "D, training tokens",
                  "N, parameters outside embeddings"};
  return loss_chart(study, "loss-d", "Loss against training tokens", view, "size");
}

}  // namespace vernier::report
