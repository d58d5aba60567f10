#include "report/density_charts.h"

#include <algorithm>
#include <map>

#include "catch.h"
#include "density/made_up.h"
#include "report/density_tables.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Four dated recipes, two precisions and two models made of a trained one, analysed once for all tests.
const density::Analysis& analysis() {
  static const density::Analysis whole = [] {
    const made_up::Truth truth;
    const Stream noise(11);
    auto runs = made_up::family(truth, noise);
    const auto add = [&](const std::string& recipe, const std::string& date, double density, const char* weights) {
      for (const auto width : made_up::kWidths)
        for (const std::int64_t tokens : {1 << 22, 1 << 24, 1 << 26})
          runs.push_back(
              made_up::run_of(truth, made_up::spec_of(recipe, width, tokens, weights), date, density, noise));
    };
    add("2017-vaswani", "2017-06-12", 0.2, "fp32");
    add("2019-gpt2", "2019-02-14", 0.35, "fp32");
    add("2025-muon", "2025-02-24", 1.6, "fp32");
    add("2024-wsd", "2024-04-09", 0.9, "int8/channel");
    add("2024-wsd", "2024-04-09", 0.4, "int4/channel");
    StoredRun& parent = runs[12];
    const double n = parent.record.parameters.non_embedding(), d = double(parent.spec.tokens);
    const auto worth = [&](double params) { return made_up::result_of(truth, truth.task_loss(params, d), noise); };
    parent.post_trained = {{"rtn", "int4/channel", 2.0, 0.1, worth(0.6 * n)}};
    parent.compressed = {{{"unstructured", 0.5, {}, {}, {}, 0, {}}, n / 2, 2.0, worth(0.4 * n)}};
    auto request = made_up::request(60);
    request.measure = density::Measure::TaskLoss;
    return density::analyse(runs, {}, request);
  }();
  return whole;
}

std::map<std::string, report::Chart> by_id(const density::Analysis& analysis) {
  std::map<std::string, report::Chart> charts;
  for (auto& chart : report::density_charts(analysis)) charts.emplace(chart.id, chart);
  return charts;
}

/// The number of rows of the first layer of that mark.
std::size_t rows_of(const report::Chart& chart, const std::string& mark) {
  for (const auto& layer : chart.spec["layer"])
    if (layer["mark"]["type"] == mark) return layer["data"]["values"].size();
  return 0;
}

}  // namespace

TEST_CASE("every chart of density is drawn where there is what it shows, with a caption", "[report]") {
  for (const auto& [id, chart] : by_id(analysis())) {
    INFO(id);
    CHECK(chart.caption.size() > 30);
    if (id != "score") CHECK(!chart.spec.is_null());
  }
}

TEST_CASE("charts of density have a point for each model that they speak of", "[report]") {
  const auto charts = by_id(analysis());
  const auto& models = analysis().models;
  const auto trained = std::count_if(models.begin(), models.end(), [](const auto& model) {
    return model.kind == density::Kind::Trained && model.density;
  });
  CHECK(rows_of(charts.at("dates"), "point") == std::size_t(trained));
  CHECK(rows_of(charts.at("frontier"), "point") == analysis().frontier.size());
  CHECK(rows_of(charts.at("compression"), "point") == 1);
  CHECK(rows_of(charts.at("both-laws"), "point") == 2);
  CHECK(rows_of(charts.at("outlook"), "line") == analysis().outlook.points.size());
}

TEST_CASE("the sigmoid is drawn through the checkpoints that it was fitted to", "[report]") {
  auto request = made_up::request(30);
  request.measure = density::Measure::Score;
  const auto by_score = density::analyse(made_up::family({}, Stream(3)), {}, request);
  const auto chart = report::score_chart(by_score);
  CHECK(rows_of(chart, "point") == by_score.checkpoints.size());
  CHECK(rows_of(chart, "area") > 40);
}

TEST_CASE("where nothing is rounded, pruned or dated the charts say so", "[report]") {
  const auto charts = by_id(density::analyse(made_up::family({}, Stream(3)), {}, made_up::request(30)));
  for (const auto* id : {"dates", "both-laws", "parting", "compression", "outlook"}) {
    INFO(id);
    CHECK(charts.at(id).spec.is_null());
    CHECK(charts.at(id).caption.size() > 30);
  }
  CHECK_THAT(charts.at("dates").caption, ContainsSubstring("one date"));
}

TEST_CASE("the tables and findings of density hold the recipes and what was found of them", "[report]") {
  const auto recipes = report::recipes_table(analysis());
  REQUIRE(recipes.rows.size() == 4);
  CHECK(recipes.rows[0][1] == "2017-vaswani");
  CHECK(recipes.rows[3][1] == "2025-muon");
  CHECK(report::meetings_table(analysis()).rows.size() == 3);
  CHECK(report::compression_table(analysis()).rows.size() == 1);
  CHECK(report::outlook_table(analysis()).rows.size() == analysis().outlook.points.size());
  std::string text;
  for (const auto& verdict : report::density_verdicts(analysis())) text += verdict.text + "\n";
  CHECK_THAT(text, ContainsSubstring("unrounded runs of 2024-wsd"));
  CHECK_THAT(text, ContainsSubstring(analysis().law.sentence));
  CHECK_THAT(text, ContainsSubstring(analysis().compression.sentence));
}
