#include <algorithm>
#include <cmath>

#include "report/chart_rows.h"
#include "report/charts.h"
#include "report/formats.h"
#include "report/numbers.h"
#include "report/vega.h"

namespace vernier::report {
namespace {

constexpr double kMargin = 0.25;  ///< of the axis of bits, to either side [bits]
constexpr double kStep = 0.1;     ///< of a curve [bits]

struct BitsRange {
  double low, high;
};

BitsRange bits_range(const Study& study) {
  BitsRange range{16, 16};
  for (const auto& format : study.formats) {
    range.low = std::min(range.low, format.bits);
    range.high = std::max(range.high, format.bits);
  }
  return range;
}

Json bits_axis(const Study& study, const std::string& title) {
  const auto [low, high] = bits_range(study);
  std::vector<double> bits;
  for (const auto& format : study.formats) bits.push_back(format.bits);
  return vega::linear("bits", title,
                      {{"axis", {{"values", distinct(bits)}, {"format", "~g"}}},
                       {"scale", {{"domain", {low - 2 * kMargin, high + 2 * kMargin}}, {"nice", false}}}});
}

/// The curve's N_eff/N times `factor(bits)`, with the 90 % band of its replicates.
template <class Factor>
Json curve_rows(const Study& study, const Factor& factor) {
  Json rows = Json::array();
  const auto* typical = typical_point(study.data.points);
  if (!study.curve || !typical) return rows;
  const auto& law = *study.fit_of(*study.curve);
  const auto [low, high] = bits_range(study);
  for (double bits = low - kMargin; bits <= high + kMargin; bits += kStep) {
    const auto share = share_of(law, at_bits(*typical, bits));
    if (!share) continue;
    const double scale = factor(bits);
    Json row{{"bits", bits}, {"value", share->value * scale}};
    if (share->lo) row["lo"] = std::max(1e-6, *share->lo) * scale;
    if (share->hi) row["hi"] = *share->hi * scale;
    rows.push_back(row);
  }
  return rows;
}

void add_curve(Json& spec, const Json& rows, const Json& x, const Json& y) {
  if (rows.empty()) return;
  spec["layer"].push_back({{"data", vega::data(rows)},
                           {"mark", {{"type", "area"}, {"color", vega::kAccent}, {"opacity", 0.16}, {"clip", true}}},
                           {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  spec["layer"].push_back({{"data", vega::data(rows)},
                           {"mark", {{"type", "line"}, {"color", vega::kAccent}, {"strokeWidth", 2}, {"clip", true}}},
                           {"encoding", {{"x", x}, {"y", y}}}});
}

Json format_row(const Format& format, const fit::Interval& interval) {
  Json row{{"format", format.name}, {"bits", format.bits}, {"value", interval.value}};
  vega::add_interval(row, interval);
  return row;
}

/// How many earlier rows lie at the same place as row `k`, so that their names would too.
int rows_beneath(const Json& rows, std::size_t k) {
  constexpr double kNear = 0.08;
  int beneath = 0;
  for (std::size_t i = 0; i < k; ++i)
    beneath += rows[i]["bits"] == rows[k]["bits"] &&
               std::abs(rows[i]["value"].get<double>() / rows[k]["value"].get<double>() - 1) < kNear;
  return beneath;
}

/// Names beside the points: on the left at the right end of the axis, elsewhere on the right, `dy` pixels below. Names
/// of points that lie together stand under each other.
void add_names(Json& spec, const Study& study, const Json& rows, int dy, const Json& x, const Json& y) {
  const double high = bits_range(study).high;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const bool at_end = rows[k]["bits"].get<double>() == high;
    const Json data = vega::data(Json::array({rows[k]}));
    const Json text{{"x", x}, {"y", y}, {"text", {{"field", "format"}, {"type", "nominal"}}}};
    Json mark{{"type", "text"},
              {"align", at_end ? "right" : "left"},
              {"dx", at_end ? -7 : 9},
              {"fontSize", 12},
              {"dy", (at_end ? 15 : dy) + 14 * rows_beneath(rows, k)},
              {"stroke", "white"},
              {"strokeWidth", 3},
              {"fill", "white"}};
    spec["layer"].push_back({{"data", data}, {"mark", mark}, {"encoding", text}});  // a white rim, then the name
    mark.merge_patch({{"stroke", nullptr}, {"strokeWidth", nullptr}, {"fill", vega::kInk}});
    spec["layer"].push_back({{"data", data}, {"mark", mark}, {"encoding", text}});
  }
}

/// One point with its interval and name for each format that has `what`; names stand `dy` pixels below the points.
void add_formats(Json& spec, const Study& study, std::optional<fit::Interval> Format::*what, int dy, const Json& x,
                 const Json& y) {
  Json rows = Json::array();
  for (const auto& format : study.formats)
    if (format.*what) rows.push_back(format_row(format, *(format.*what)));
  spec["layer"].push_back({{"data", vega::data(rows)},
                           {"mark", {{"type", "rule"}, {"strokeWidth", 2}, {"color", vega::kBlue}}},
                           {"encoding", {{"x", x}, {"y", vega::plain("lo")}, {"y2", {{"field", "hi"}}}}}});
  spec["layer"].push_back(
      {{"data", vega::data(rows)},
       {"mark", {{"type", "point"}, {"filled", true}, {"size", 90}, {"color", vega::kBlue}, {"opacity", 1}}},
       {"encoding", {{"x", x}, {"y", y}}}});
  add_names(spec, study, rows, dy, x, y);
}

/// Every run's density, times 16 / bits where `per_bit`.
Json run_rows(const Study& study, bool per_bit) {
  Json rows = Json::array();
  const auto names = format_names(study);
  for (const auto& model : study.densities) {
    if (!model.density || !model.bits) continue;
    rows.push_back({{"run", model.run},
                    {"format", names.at(model.precision)},
                    {"bits", *model.bits},
                    {"value", *model.density * (per_bit ? 16 / *model.bits : 1)}});
  }
  return rows;
}

std::string curve_words(const Study& study, const std::string& what) {
  if (!study.curve) return "No precision law could be fitted, so there is no curve.";
  return "Curve and band: " + what + " by " + *study.curve +
         ", the law in bits that predicts best, and its 90 % interval.";
}

/// How many fitted runs have no density, in words; empty where all have one.
std::string beyond_words(const Study& study) {
  const auto beyond = std::count_if(study.densities.begin(), study.densities.end(),
                                    [](const auto& model) { return model.params && !model.density; });
  if (beyond == 0) return "";
  return " Not drawn: " + counted(std::size_t(beyond), "run") +
         " whose loss lies beyond what the reference can reach at any size.";
}

Chart density_against_bits(const Study& study, Chart chart, bool per_bit) {
  if (!study.reference) {
    chart.caption = "There is no reference fit to measure density against; the table of fits says why.";
    return chart;
  }
  const Json x = bits_axis(study, "bits of a stored weight");
  const Json y =
      vega::logarithmic("value", per_bit ? "density per stored bit, rho 16 / bits" : "density, rho = N_hat / N");
  chart.spec = vega::chart(chart.title, 340);
  chart.spec["layer"].push_back(
      {{"data", vega::data(run_rows(study, per_bit))},
       {"mark", {{"type", "point"}, {"size", 26}, {"strokeWidth", 1}, {"color", vega::kFaint}, {"opacity", 0.8}}},
       {"encoding", {{"x", x}, {"y", y}}}});
  add_curve(chart.spec, curve_rows(study, [&](double bits) { return per_bit ? 16 / bits : 1.0; }), x, y);
  chart.caption += beyond_words(study);
  add_formats(chart.spec, study, per_bit ? &Format::density_per_bit : &Format::density, per_bit ? -11 : 12, x, y);
  return chart;
}

}  // namespace

Chart share_chart(const Study& study) {
  Chart chart{"share", "How many parameters still count", "", nullptr};
  const bool any = std::any_of(study.formats.begin(), study.formats.end(), [](const auto& format) {
    return format.precision != "baseline" && (format.free_share || format.law_share);
  });
  if (!any) {
    chart.caption = "No precision law could be fitted; the table of fits says why.";
    return chart;
  }
  const Json x = bits_axis(study, "bits");
  const Json y = vega::linear("value", "N_eff / N", {{"scale", {{"zero", true}}}});
  chart.spec = vega::chart(chart.title, 340);
  add_curve(chart.spec, curve_rows(study, [](double) { return 1.0; }), x, y);
  const bool has_free = study.fit_of("free_eff") != nullptr;
  add_formats(chart.spec, study, has_free ? &Format::free_share : &Format::law_share, 12, x, y);
  chart.caption =
      has_free ? "Points: one constant for each format (free_eff), the least assuming law, with its 90 % interval. "
               : "Points: the same law at the formats of the grid. ";
  chart.caption += curve_words(study, "N_eff/N");
  return chart;
}

Chart density_chart(const Study& study) {
  Chart chart{"density", "Density against bits", "", nullptr};
  chart.caption =
      "How many parameters of the unrounded family a model is worth, for each parameter that it has. Rings: runs. "
      "Points: the median of a format with its 90 % interval; a bar to one side only is open on the other. " +
      curve_words(study, "N_eff/N");
  return density_against_bits(study, std::move(chart), false);
}

Chart density_per_bit_chart(const Study& study) {
  Chart chart{"density-per-bit", "Density for each stored bit", "", nullptr};
  chart.caption = "The same, relative to 16-bit storage: above 1 a bit is better spent than in an unrounded model. " +
                  curve_words(study, "(N_eff/N) 16/bits");
  return density_against_bits(study, std::move(chart), true);
}

}  // namespace vernier::report
