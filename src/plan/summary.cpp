#include "plan/summary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "plan/size_text.h"

namespace vernier::plan {

namespace {

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::string time_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

/// Smaller models come after the runs, and are in none of the sums above.
std::string compression_text(const Status& status) {
  if (!status.compression_rows) return "";
  return fmt::format("smaller   {} models made of trained ones, on {:.3g} tokens more; {} are done\n",
                     *status.compression_rows, static_cast<double>(status.compression_tokens),
                     *status.compression_rows - *status.compression_missing);
}

std::string cost_text(const Summary& summary) {
  const Cost& cost = summary.cost;
  const double shared = static_cast<double>(cost.tokens.trunk + cost.tokens.branches);
  std::string text = fmt::format("runs      {} in {} cohorts", cost.runs, cost.cohorts);
  if (summary.status.done > 0) text += fmt::format("; {} are done", summary.status.done);
  text += fmt::format(
      "\ntokens    {:.3g}: trunks {:.3g}, branches {:.3g}; {:.3g} if every run were trained from its start\n", shared,
      static_cast<double>(cost.tokens.trunk), static_cast<double>(cost.tokens.branches),
      static_cast<double>(cost.tokens.separate));
  text += fmt::format("compute   {:.3g} FLOPs; {:.3g} if separate\n", cost.flops, cost.flops_separate);
  text += cost.seconds
              ? fmt::format("time      {} for all of it, by {}\n", time_text(*cost.seconds), summary.speed_from)
              : "time      not known: no runs yet, and this build cannot train\n";
  return text + fmt::format("disk      {}\n", size_text(cost.bytes)) + compression_text(summary.status);
}

double peak_of(const Summary& summary) {
  double peak = 0;
  for (const auto& cohort : summary.waves) peak = std::max(peak, static_cast<double>(cohort.waves.bytes));
  return peak;
}

/// A line for each cohort that is not trained all at once, and for why.
std::string waves_text(const Summary& summary) {
  std::string text =
      fmt::format("memory    {} at most while training, beside the program\n", size_text(peak_of(summary)));
  std::size_t whole = 0;
  for (const auto& [shape, members, waves] : summary.waves) {
    const bool plain = waves.members == members && !waves.recompute && waves.fits;
    whole += plain;
    if (!plain)
      text += fmt::format("at once   depth {} width {}: {}\n", shape.depth, shape.width, text_of(waves, members));
  }
  const std::size_t others = summary.waves.size() - whole;
  return text + (whole == 0 ? ""
                            : fmt::format("at once   all members of {} cohort: they fit into the free memory\n",
                                          others == 0 ? "every" : "every other"));
}

Json json_of(const CohortWaves& cohort) {
  const Waves& waves = cohort.waves;
  return {{"depth", cohort.shape.depth}, {"width", cohort.shape.width},  {"members", cohort.members},
          {"at_once", waves.members},    {"waves", waves.count},         {"why", waves.why},
          {"bytes_peak", waves.bytes},   {"recompute", waves.recompute}, {"fits", waves.fits}};
}

Json json_of(const Expected& expected) {
  return {{"law", expected.law},
          {"parameter", expected.parameter},
          {"value_assumed", expected.value},
          {"lo", number_or_null(expected.lo)},
          {"hi", number_or_null(expected.hi)},
          {"identified", expected.identified},
          {"with", expected.with}};
}

std::string interval_text(const Expected& expected) {
  const std::string with = expected.with.empty() ? "" : fmt::format(", moves with {}", fmt::join(expected.with, ", "));
  if (!expected.lo) return "left free by these runs" + with;
  return fmt::format("{:.4g} ... {:.4g}{}", *expected.lo, *expected.hi,
                     expected.identified ? "" : "   too wide to call identified" + with);
}

/// What is taken for true; with fits given, where the values are from.
std::string assumed_text(const Assumed& assumed) {
  std::string text = fmt::format(
      "\nwhat these runs will identify (90 % intervals), should seeds spread the loss by {:.2g} %, E be {:.3g}, size "
      "and data\n"
      "cost {:.2g} nats each in the middle of the grid, and rounding to P bits leave 1 - exp(-P/{:.2g}) of a part",
      100 * assumed.noise, assumed.floor, assumed.reducible, assumed.gamma);
  std::vector<std::string> laws;
  for (const auto& fit : assumed.fits) laws.push_back(fit.law);
  if (!laws.empty()) text += fmt::format(";\nbut {} as fitted", fmt::join(laws, ", "));
  return text + ":\n\n";
}

}  // namespace

Json to_json(const Summary& summary) {
  const Cost& cost = summary.cost;
  Json json{{"experiment", summary.name},
            {"runs", cost.runs},
            {"cohorts", cost.cohorts},
            {"trunk_tokens", cost.tokens.trunk},
            {"branch_tokens", cost.tokens.branches},
            {"tokens_if_separate", cost.tokens.separate},
            {"flops", cost.flops},
            {"flops_if_separate", cost.flops_separate},
            {"seconds_estimated", number_or_null(cost.seconds)},
            {"seconds_from", cost.seconds ? Json(summary.speed_from) : Json(nullptr)},
            {"bytes_estimated", cost.bytes},
            {"bytes_peak_estimated", peak_of(summary)},
            {"noise_assumed", summary.assumed.noise}};
  const Status& status = summary.status;
  json["compression_rows"] = status.compression_rows ? Json(*status.compression_rows) : Json();
  json["compression_tokens"] = status.compression_rows ? Json(status.compression_tokens) : Json();
  json["waves"] = Json::array();
  for (const auto& cohort : summary.waves) json["waves"].push_back(json_of(cohort));
  json["identifies"] = Json::array();
  for (const auto& expected : summary.foreseen.identifies) json["identifies"].push_back(json_of(expected));
  json["not_foreseen"] = Json::array();
  for (const auto& [law, why] : summary.foreseen.not_foreseen)
    json["not_foreseen"].push_back({{"law", law}, {"why", why}});
  if (summary.improvement) json["improve"] = to_json(*summary.improvement);
  return json;
}

std::string text_of(const Summary& summary) {
  std::string text =
      summary.question.empty() ? summary.name + "\n\n" : fmt::format("{}: {}\n\n", summary.name, summary.question);
  text += cost_text(summary);
  if (!summary.waves.empty()) text += waves_text(summary);
  text += assumed_text(summary.assumed);
  std::string law;
  for (const auto& expected : summary.foreseen.identifies) {
    text += fmt::format("{:14} {:12} {:>9.4g}   {}\n", expected.law == law ? "" : expected.law, expected.parameter,
                        expected.value, interval_text(expected));
    law = expected.law;
  }
  for (const auto& [name, why] : summary.foreseen.not_foreseen)
    text += fmt::format("{:14} not foreseen: {}\n", name, why);
  if (summary.improvement) text += text_of(*summary.improvement);
  return text;
}

}  // namespace vernier::plan
