#include "report/charts.h"

#include <map>

#include "catch.h"
#include "synthetic.h"

using namespace vernier;

namespace {

bool is_position(const std::string& channel) { return channel == "x" || channel == "y"; }

/// The first layer of a chart that describes the axis of `channel`.
Json described_channel(const Json& spec, const std::string& channel) {
  for (const auto& layer : spec["layer"])
    if (layer["encoding"].contains(channel) && layer["encoding"][channel].contains("title"))
      return layer["encoding"][channel];
  return nullptr;
}

std::string scale_of(const Json& channel) { return channel["scale"].value("type", "linear"); }

/// Rows of the layer whose rows name a run and whose mark is a point.
std::size_t run_points(const report::Chart& chart) {
  for (const auto& layer : chart.spec["layer"])
    if (layer["mark"]["type"] == "point" && layer["data"]["values"][0].contains("run"))
      return layer["data"]["values"].size();
  return 0;
}

std::size_t unrounded_points(const report::Study& study) {
  return std::size_t(std::count_if(study.data.points.begin(), study.data.points.end(),
                                   [](const auto& point) { return point.precision == "baseline"; }));
}

}  // namespace

TEST_CASE("every chart is drawn from a full study and says what it shows", "[report]") {
  for (const auto& chart : report::charts(synthetic::study())) {
    INFO(chart.id);
    CHECK(!chart.spec.is_null());
    CHECK(chart.title.size() > 5);
    CHECK(chart.caption.size() > 30);
    CHECK(chart.spec["width"] == "container");
  }
}

TEST_CASE("both axes of every chart are titled", "[report]") {
  for (const auto& chart : report::charts(synthetic::study()))
    for (const auto* channel : {"x", "y"}) {
      INFO(chart.id << " " << channel);
      const auto described = described_channel(chart.spec, channel);
      REQUIRE(!described.is_null());
      CHECK(!described["title"].get<std::string>().empty());
    }
}

TEST_CASE("axes are logarithmic where the field draws them so", "[report]") {
  const std::map<std::string, std::pair<std::string, std::string>> promised{
      {"curves-unrounded", {"log", "log"}}, {"curves-narrow", {"log", "log"}},      {"loss-n", {"log", "log"}},
      {"loss-d", {"log", "log"}},           {"penalty", {"log", "linear"}},         {"share", {"linear", "linear"}},
      {"density", {"linear", "log"}},       {"density-per-bit", {"linear", "log"}}, {"meeting", {"log", "log"}},
      {"residuals", {"log", "linear"}}};
  for (const auto& chart : report::charts(synthetic::study())) {
    INFO(chart.id);
    REQUIRE(promised.contains(chart.id));
    CHECK(scale_of(described_channel(chart.spec, "x")) == promised.at(chart.id).first);
    CHECK(scale_of(described_channel(chart.spec, "y")) == promised.at(chart.id).second);
  }
}

TEST_CASE("a chart of runs has one point for each run", "[report]") {
  const auto& study = synthetic::study();
  CHECK(run_points(report::loss_by_size_chart(study)) == unrounded_points(study));
  CHECK(run_points(report::loss_by_tokens_chart(study)) == unrounded_points(study));
  CHECK(run_points(report::unrounded_curves_chart(study)) == unrounded_points(study));
  CHECK(run_points(report::residuals_chart(study)) == study.data.points.size());
  CHECK(run_points(report::penalty_chart(study)) == study.data.points.size() - unrounded_points(study));
  const auto dense =
      std::count_if(study.densities.begin(), study.densities.end(), [](const auto& m) { return bool(m.density); });
  CHECK(run_points(report::density_chart(study)) == std::size_t(dense));
}

TEST_CASE("a field that a channel names is in the rows of its layer", "[report]") {
  std::string wrong;
  for (const auto& chart : report::charts(synthetic::study()))
    for (const auto& layer : chart.spec["layer"])
      for (const auto& [channel, definition] : layer["encoding"].items()) {
        if (!definition.contains("field")) continue;
        const auto field = definition["field"].get<std::string>();
        const auto& rows = layer["data"]["values"];
        const bool found = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.contains(field); });
        if (!found) wrong += chart.id + ": " + channel + " " + field + "\n";
      }
  CHECK(wrong == "");
}

TEST_CASE("no row of a chart holds what is not a number where a position is wanted", "[report]") {
  std::string wrong;
  for (const auto& chart : report::charts(synthetic::study()))
    for (const auto& layer : chart.spec["layer"])
      for (const auto& [channel, definition] : layer["encoding"].items()) {
        if (!is_position(channel) || !definition.contains("field")) continue;
        for (const auto& row : layer["data"]["values"]) {
          const auto field = definition["field"].get<std::string>();
          if (row.contains(field) && !row[field].is_number())
            wrong += chart.id + ": " + field + " " + row.dump() + "\n";
        }
      }
  CHECK(wrong == "");
}

TEST_CASE("a chart without data has no specification and says why", "[report]") {
  for (const auto& chart : report::charts(report::analyse(synthetic::asked(), {}, {}))) {
    INFO(chart.id);
    CHECK(chart.spec.is_null());
    CHECK(chart.caption.size() > 20);
  }
}
