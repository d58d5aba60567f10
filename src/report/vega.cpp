#include "report/vega.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace vernier::report::vega {
namespace {

/// Plasma at equal steps from dark to light (van der Walt and Smith 2015), its palest end left out: it vanishes on
/// paper.
constexpr std::array<std::array<int, 3>, 7> kPlasma{
    {{13, 8, 135}, {84, 2, 163}, {139, 10, 165}, {185, 50, 137}, {219, 92, 104}, {240, 127, 79}, {248, 156, 60}}};

/// Ticks at 1, 2 and 5 times a power of ten are labelled, as 10k, 2M, 5B; the others stay bare.
constexpr const char* kCountLabel =
    "indexof([1, 2, 5], round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-6)))) < 0 ? '' : "
    "replace(format(datum.value, '~s'), 'G', 'B')";

std::string colour_at(double share) {
  const double place = share * double(kPlasma.size() - 1);
  const auto low = std::min(std::size_t(place), kPlasma.size() - 2);
  std::array<int, 3> mixed{};
  for (std::size_t k = 0; k < 3; ++k) {
    const double between = kPlasma[low][k] + (place - double(low)) * (kPlasma[low + 1][k] - kPlasma[low][k]);
    mixed[k] = int(std::lround(between));
  }
  return fmt::format("#{:02x}{:02x}{:02x}", mixed[0], mixed[1], mixed[2]);
}

Json config() {
  const Json axis{{"labelFontSize", 12},    {"titleFontSize", 13},      {"titleFontWeight", "normal"},
                  {"gridColor", "#e6e8eb"}, {"domainColor", "#5b636d"}, {"tickColor", "#5b636d"},
                  {"labelColor", kInk},     {"titleColor", kInk}};
  const Json legend{{"orient", "bottom"},  {"direction", "horizontal"}, {"columns", 6},
                    {"labelFontSize", 12}, {"titleFontSize", 12},       {"titleFontWeight", "normal"},
                    {"symbolOpacity", 1},  {"titleOrient", "top"},      {"titleLimit", 0}};
  return {{"background", "white"},
          {"font", "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"},
          {"view", {{"stroke", nullptr}}},
          {"axis", axis},
          {"legend", legend}};
}

Json position(std::string_view field, std::string_view title, Json axis, Json scale, const Json& extra) {
  Json channel{{"field", field},
               {"type", "quantitative"},
               {"title", title},
               {"axis", std::move(axis)},
               {"scale", std::move(scale)}};
  channel.merge_patch(extra);
  return channel;
}

}  // namespace

Json chart(std::string_view description, int height) {
  return {{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
          {"description", description},
          {"width", "container"},
          {"height", height},
          {"autosize", {{"type", "fit"}, {"contains", "padding"}}},
          {"config", config()},
          {"layer", Json::array()}};
}

Json data(Json rows) { return {{"values", std::move(rows)}}; }

Json linear(std::string_view field, std::string_view title, Json extra) {
  return position(field, title, {{"tickCount", 8}}, {{"zero", false}}, extra);
}

Json logarithmic(std::string_view field, std::string_view title, Json extra) {
  return position(field, title, {{"tickCount", 8}, {"format", "~g"}},
                  {{"type", "log"}, {"nice", false}, {"padding", 12}}, extra);
}

Json logarithmic_count(std::string_view field, std::string_view title, Json extra) {
  const Json axis{{"tickCount", 6}, {"labelExpr", kCountLabel}, {"labelOverlap", "greedy"}};
  return position(field, title, axis, {{"type", "log"}, {"nice", false}, {"padding", 12}}, extra);
}

Json plain(std::string_view field) { return {{"field", field}, {"type", "quantitative"}}; }

Json ordered_colours(std::string_view field, std::string_view title, const std::vector<std::string>& domain) {
  Json range = Json::array();
  for (std::size_t i = 0; i < domain.size(); ++i)
    range.push_back(colour_at(domain.size() > 1 ? double(i) / double(domain.size() - 1) : 0));
  return {{"field", field}, {"type", "nominal"}, {"title", title}, {"scale", {{"domain", domain}, {"range", range}}}};
}

Json shapes(std::string_view field, std::string_view title, const std::vector<std::string>& domain) {
  constexpr std::array names{"circle",        "square", "triangle-up",    "diamond",
                             "triangle-down", "cross",  "triangle-right", "triangle-left"};
  Json range = Json::array();
  for (std::size_t i = 0; i < domain.size(); ++i) range.push_back(names[i % names.size()]);
  return {{"field", field}, {"type", "nominal"}, {"title", title}, {"scale", {{"domain", domain}, {"range", range}}}};
}

void add_interval(Json& row, const fit::Interval& interval, const std::string& prefix) {
  if (!interval.lo && !interval.hi) return;
  row[prefix + "lo"] = interval.lo.value_or(interval.value);
  row[prefix + "hi"] = interval.hi.value_or(interval.value);
}

void add_level(Json& chart, std::string_view y_field, double y, std::string_view label) {
  const Json rows = Json::array({Json{{std::string(y_field), y}, {"label", label}}});
  chart["layer"].push_back({{"data", data(rows)},
                            {"mark", {{"type", "rule"}, {"strokeDash", {5, 4}}, {"color", kInk}}},
                            {"encoding", {{"y", plain(y_field)}}}});
  chart["layer"].push_back(
      {{"data", data(rows)},
       {"mark",
        {{"type", "text"},
         {"align", "right"},
         {"baseline", "bottom"},
         {"dx", -4},
         {"dy", -3},
         {"color", kInk},
         {"fontSize", 12}}},
       {"encoding",
        {{"x", {{"value", "width"}}}, {"y", plain(y_field)}, {"text", {{"field", "label"}, {"type", "nominal"}}}}}});
}

}  // namespace vernier::report::vega
