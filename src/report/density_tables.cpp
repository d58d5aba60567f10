#include "report/density_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/numbers.h"

namespace vernier::report {
namespace {

constexpr const char* kAbsent = "-";

std::string shown(const std::optional<fit::Interval>& interval) {
  return interval ? with_interval(*interval) : kAbsent;
}

std::string shown(const density::Ranged& number) {
  std::string text = count(number.value);
  if (!number.lo && !number.hi) return text;
  return text + fmt::format(" ({} to {})", number.lo ? count(*number.lo) : "0", number.hi ? count(*number.hi) : "any");
}

std::string shown(const std::optional<density::Ranged>& number) { return number ? shown(*number) : kAbsent; }

std::string shown(const density::DatedDensity& point) {
  return with_interval({point.density, point.lo, point.hi, {}, {}});
}

/// Names of the recipes of a date.
std::map<std::string, std::string> recipes_by_date(const density::Analysis& analysis) {
  std::map<std::string, std::string> recipes;
  for (const auto& model : analysis.models)
    if (!model.recipe_date.empty()) recipes[model.recipe_date] = model.recipe;
  return recipes;
}

std::string percent_held_out(const density::FormFit& form, const std::string& rule) {
  if (!form.fit) return kAbsent;
  const auto found = form.fit->holdouts.find(rule);
  if (found == form.fit->holdouts.end() || !found->second.rms_log) return kAbsent;
  return fmt::format("{:.3f}", 100 * *found->second.rms_log);
}

std::vector<std::string> rules_held_out(const density::Analysis& analysis) {
  std::vector<std::string> rules;
  for (const auto& form : analysis.forms)
    if (form.fit)
      for (const auto& [rule, holdout] : form.fit->holdouts)
        if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
  return rules;
}

}  // namespace

Table recipes_table(const density::Analysis& analysis) {
  Table table{{"date", "recipe", "densest model", "typical unrounded model", "record"}, {}};
  const auto recipes = recipes_by_date(analysis);
  for (const auto& point : analysis.law.points) {
    const auto& typical = analysis.typical_law.points;
    const auto same =
        std::find_if(typical.begin(), typical.end(), [&](const auto& other) { return other.date == point.date; });
    table.rows.push_back({point.date, recipes.at(point.date), shown(point),
                          same == typical.end() ? kAbsent : shown(*same), point.record ? "yes" : "no"});
  }
  return table;
}

Table forms_table(const density::Analysis& analysis) {
  Table table{{"form of the conditional loss", "runs", "rms %"}, {}};
  const auto rules = rules_held_out(analysis);
  for (const auto& rule : rules) table.columns.push_back("error on " + rule + " %");
  table.columns.push_back("used");
  for (const auto& form : analysis.forms) {
    std::vector<std::string> row{form.name == "paper" ? "a N^-alpha + b D^-beta (the paper's)" : "with E",
                                 form.fit ? fmt::format("{}", form.fit->rows) : kAbsent,
                                 form.fit ? fmt::format("{:.3f}", 100 * form.fit->rms_log) : form.why_absent};
    for (const auto& rule : rules) row.push_back(percent_held_out(form, rule));
    row.push_back(form.used ? "yes" : "no");
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table meetings_table(const density::Analysis& analysis) {
  Table table{{"precision", "runs", "density", "N_eff/N", "ratio", "equal", "d ln rho / d ln D"}, {}};
  const auto add = [&](const density::Meeting& meeting, bool control) {
    const std::string equal = control ? "by definition" : std::string(fit::name_of(meeting.equal.ruling));
    const std::string slope =
        meeting.slope ? fmt::format("{} {}", with_interval(*meeting.slope), meeting.slope_verdict) : kAbsent;
    table.rows.push_back({meeting.precision, fmt::format("{}", meeting.runs), shown(meeting.density),
                          shown(meeting.share), shown(meeting.ratio), equal, slope});
  };
  if (analysis.meetings.control) add(*analysis.meetings.control, true);
  for (const auto& meeting : analysis.meetings.formats) add(meeting, false);
  return table;
}

Table compression_table(const density::Analysis& analysis) {
  Table table{{"model", "method", "density over the original's", "finding"}, {}};
  for (const auto& row : analysis.compression.rows) {
    const std::optional<fit::Interval> ratio =
        row.ratio ? std::optional(fit::Interval{*row.ratio, row.lo, row.hi, {}, {}}) : std::nullopt;
    table.rows.push_back({row.run, row.method, shown(ratio), row.ratio ? row.verdict : row.why_absent});
  }
  return table;
}

Table outlook_table(const density::Analysis& analysis) {
  const auto& outlook = analysis.outlook;
  Table table{{"date", "parameters needed", "FLOPs per token of inference"}, {}};
  const bool priced = outlook.asked.price_halving.has_value();
  if (priced) table.columns.push_back("effective parameters for the same price");
  for (const auto& point : outlook.points) {
    std::vector<std::string> row{point.date + (point.extrapolated ? " (extrapolated)" : ""), shown(point.params),
                                 shown(point.flops_per_token)};
    if (priced) row.push_back(shown(point.affordable));
    table.rows.push_back(std::move(row));
  }
  return table;
}

namespace {

using Tone = Verdict::Tone;

Verdict about_reference(const density::Analysis& analysis) {
  std::string text =
      fmt::format("Density is measured by the {}, against {} of {}.", density::row_of(analysis.measure).words,
                  counted(std::size_t(analysis.reference.rows), "unrounded run"), analysis.recipe);
  for (const auto& note : analysis.notes) text += " " + note;
  return {analysis.notes.empty() ? Tone::Good : Tone::Caution, "What density is measured against", text};
}

Verdict about_dates(const density::Analysis& analysis) {
  const auto& law = analysis.law;
  std::string text = law.slope_per_day ? law.sentence : "No densing law: " + law.why_absent + ".";
  if (analysis.typical_law.slope_per_day)
    text +=
        " Over the typical unrounded model of each recipe, which no lucky run moves: " + analysis.typical_law.sentence;
  return {law.doubling_hi ? Tone::Good : Tone::Caution, "The densing law over recipe dates", text};
}

Verdict about_meetings(const density::Analysis& analysis) {
  const auto& meetings = analysis.meetings;
  if (!meetings.overall)
    return {Tone::Plain, "Do the densing law and the precision law agree",
            "Not compared: " + meetings.why_absent + "."};
  const auto ruling = meetings.overall->ruling;
  return {ruling == fit::Ruling::Supported ? Tone::Good
          : ruling == fit::Ruling::Refuted ? Tone::Caution
                                           : Tone::Plain,
          "Do the densing law and the precision law agree", meetings.overall->sentence};
}

}  // namespace

std::vector<Verdict> density_verdicts(const density::Analysis& analysis) {
  std::vector<Verdict> list{about_reference(analysis), about_dates(analysis), about_meetings(analysis)};
  if (!analysis.compression.sentence.empty())
    list.push_back({Tone::Plain, "Pruned and distilled models", analysis.compression.sentence});
  return list;
}

}  // namespace vernier::report
