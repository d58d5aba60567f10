#include <algorithm>
#include <set>

#include "report/density_charts.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

std::string maker_of(const density::ModelDensity& model) {
  return model.kind == density::Kind::Trained ? "trained" : model.method;
}

/// Of the reference family's recipe, as the others differ in more than their bits; pruned and distilled ones apart.
Json stored_rows(const density::Analysis& analysis) {
  Json rows = Json::array();
  for (const auto& model : analysis.models)
    if (model.density_per_stored_bit && model.recipe == analysis.recipe && model.kind != density::Kind::Compressed)
      rows.push_back({{"run", model.run},
                      {"bits", *model.stored_bits},
                      {"value", *model.density_per_stored_bit},
                      {"made", maker_of(model)}});
  return rows;
}

/// Distinct values of a text field, "trained" first.
std::vector<std::string> kinds_in(const Json& rows, const char* field) {
  std::set<std::string> names;
  for (const auto& row : rows) names.insert(row[field].get<std::string>());
  std::vector<std::string> list(names.begin(), names.end());
  std::stable_partition(list.begin(), list.end(), [](const auto& name) { return name == "trained"; });
  return list;
}

Json coloured(const char* field, const char* title, const std::vector<std::string>& names) {
  static constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#1b1f24"};
  Json range = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) range.push_back(kColours[i % kColours.size()]);
  return {{"field", field}, {"type", "nominal"}, {"title", title}, {"scale", {{"domain", names}, {"range", range}}}};
}

}  // namespace

Chart stored_bits_chart(const density::Analysis& analysis) {
  Chart chart{"stored-bits", "Density for each bit that is stored", "", nullptr};
  const Json rows = stored_rows(analysis);
  if (kinds_in(rows, "made").empty()) {
    chart.caption = "No model has a density, so there is none for each bit.";
    return chart;
  }
  const Json x = vega::linear("bits", "stored bits of a parameter, scales included", {{"axis", {{"format", "~g"}}}});
  const Json y = vega::logarithmic("value", "density per stored bit, rho 16 / bits");
  const auto names = kinds_in(rows, "made");
  chart.spec = vega::chart(chart.title, 340);
  chart.spec["layer"].push_back({{"data", vega::data(rows)},
                                 {"mark", {{"type", "point"}, {"size", 40}, {"opacity", 0.8}}},
                                 {"encoding",
                                  {{"x", x},
                                   {"y", y},
                                   {"color", coloured("made", "made by", names)},
                                   {"shape", vega::shapes("made", "made by", names)}}}});
  vega::add_level(chart.spec, "value", 1, "an unrounded model of the reference family");
  chart.caption =
      "Models trained in a precision, and models whose weights were quantized after training, of the reference "
      "recipe. Above 1 a stored bit is worth more than in an unrounded model of the same loss or score.";
  return chart;
}

Chart frontier_chart(const density::Analysis& analysis) {
  Chart chart{"frontier", "What a model does for what it takes to store", "", nullptr};
  if (analysis.frontier.empty()) {
    chart.caption = "No model has what is measured here.";
    return chart;
  }
  Json rows = Json::array(), front = Json::array();
  for (const auto& point : analysis.frontier) {
    const Json row{{"run", point.run},
                   {"bits", point.total_bits / 8},
                   {"value", point.value},
                   {"kind", density::row_of(point.kind).name}};
    rows.push_back(row);
    if (point.front) front.push_back(row);
  }
  const auto& measure = density::row_of(analysis.measure);
  const Json x = vega::logarithmic_count("bits", "bytes of the whole model");
  const Json y = vega::linear("value", fmt::format("{} [{}]", measure.words, measure.unit));
  const auto names = kinds_in(rows, "kind");
  chart.spec = vega::chart(chart.title, 340);
  auto& layers = chart.spec["layer"];
  layers.push_back({{"data", vega::data(rows)},
                    {"mark", {{"type", "point"}, {"size", 34}, {"opacity", 0.7}}},
                    {"encoding",
                     {{"x", x},
                      {"y", y},
                      {"color", coloured("kind", "model", names)},
                      {"shape", vega::shapes("kind", "model", names)}}}});
  layers.push_back(
      {{"data", vega::data(front)},
       {"mark", {{"type", "line"}, {"interpolate", "step-after"}, {"color", vega::kInk}, {"strokeWidth", 1.5}}},
       {"encoding", {{"x", x}, {"y", y}}}});
  chart.caption =
      "Every model. The line joins those that no model of the same size or smaller does better than. Embedding and "
      "head count at their own number, 16 bits where nothing is rounded.";
  return chart;
}

}  // namespace vernier::report
