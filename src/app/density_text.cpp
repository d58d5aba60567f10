#include "app/density_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace vernier::app {

namespace {

using density::Kind;
using density::Measure;

std::string shown(const std::optional<double>& value) { return value ? fmt::format("{:.4g}", *value) : "-"; }

std::string range(const std::optional<double>& lo, const std::optional<double>& hi) {
  return fmt::format("{} to {}", shown(lo), shown(hi));
}

std::string shown(const std::optional<fit::Interval>& interval) {
  return interval ? fmt::format("{:.3g} ({})", interval->value, range(interval->lo, interval->hi)) : "-";
}

std::string shown(const std::optional<density::Ranged>& number) {
  return number ? fmt::format("{:.3g} ({})", number->value, range(number->lo, number->hi)) : "-";
}

void print_model(const density::ModelDensity& model, Measure measure, std::size_t width) {
  fmt::print("{:{}} {:>10} {:>10} {:>8} {:>8} {:>21} {:>8} {:>8} {:>8}  {}\n", model.run, width, shown(model.params),
             shown(model.tokens), shown(density::measured_of(model, measure)), shown(model.density),
             range(model.lo, model.hi), shown(model.density_per_bit), shown(model.density_by_flops),
             shown(model.n_eff_precision_law), model.precision);
  if (!model.why_absent.empty()) fmt::print("{:{}} no density: {}\n", "", width, model.why_absent);
}

void print_models(const density::Analysis& analysis) {
  std::size_t width = 16;
  for (const auto& model : analysis.models) width = std::max(width, model.run.size());
  fmt::print("{:{}} {:>10} {:>10} {:>8} {:>8} {:>21} {:>8} {:>8} {:>8}  {}\n", "run", width, "N", "D",
             density::row_of(analysis.measure).name, "density", "90 % interval", "per bit", "by FLOPs", "law's f",
             "precision");
  for (const auto& model : analysis.models) print_model(model, analysis.measure, width);
}

void print_forms(const density::Analysis& analysis) {
  if (analysis.forms.empty()) return;
  fmt::print("\nlaw of the conditional loss, E + a N^-alpha + b D^-beta, rms error of ln L on runs held out:\n");
  for (const auto& form : analysis.forms) {
    fmt::print("  {:8}{}", form.name, form.used ? "used " : "     ");
    if (!form.fit) fmt::print(" not fitted: {}", form.why_absent);
    if (form.fit)
      for (const auto& [rule, holdout] : form.fit->holdouts) fmt::print(" {} {}", rule, shown(holdout.rms_log));
    fmt::print("\n");
  }
  if (!analysis.score_law) return;
  const auto trunk = std::count_if(analysis.checkpoints.begin(), analysis.checkpoints.end(),
                                   [](const auto& checkpoint) { return !checkpoint.finished; });
  fmt::print("law of the score, d + c/(1 + e^(-gamma (L - l))): {} finished runs and {} checkpoints before their end;",
             std::int64_t(analysis.checkpoints.size()) - trunk, trunk);
  for (std::size_t k = 0; k < analysis.score_law->symbols.size(); ++k)
    fmt::print(" {} {}", analysis.score_law->symbols[k], shown(std::optional(analysis.score_law->parameters[k])));
  fmt::print("\n");
}

void print_reference(const density::Analysis& analysis, const density::Request& request) {
  fmt::print("\nreference: unrounded runs of {}, {} rows, rms of ln L {:.3g}; inverted is the {}\n", analysis.recipe,
             analysis.reference.rows, analysis.reference.rms_log, density::row_of(analysis.measure).words);
  fmt::print("sizes are compared at {}\n", request.reference_tokens
                                               ? fmt::format("{:.4g} tokens", *request.reference_tokens)
                                               : "each run's own tokens");
  if (!analysis.left_out.empty())
    fmt::print("{} unrounded runs are not in the reference, as another learning rate does better at their N and D\n",
               analysis.left_out.size());
  if (analysis.precision_law)
    fmt::print("law's f: N_eff/N of {}\n", analysis.precision_law->law);
  else
    fmt::print("no precision law: {}\n", analysis.why_no_precision_law);
  print_forms(analysis);
  for (const auto& note : analysis.notes) fmt::print("note: {}\n", note);
}

void print_densing_law(const density::DensingLaw& law, const std::string& of) {
  if (!law.slope_per_day) {
    fmt::print("no densing law{}: {}\n", of, law.why_absent);
    return;
  }
  fmt::print("densing law{}: {:.4g} per day ({}), doubling in {:.4g} days, {} dates\n", of, *law.slope_per_day,
             range(law.lo, law.hi), *law.doubling_days, law.points.size());
  fmt::print("  {}\n", law.sentence);
}

void print_meetings(const density::Meetings& meetings) {
  if (meetings.formats.empty()) return;
  fmt::print("\nwhere the laws meet: density rho beside N_eff/N, and d ln rho / d ln D at one N (the law says 0)\n");
  const auto row = [](const density::Meeting& meeting) {
    fmt::print("  {:32} {:>4} runs  rho {:26}  f {:26}  slope {:28} {}\n", meeting.precision, meeting.runs,
               shown(meeting.density), shown(meeting.share), shown(meeting.slope), meeting.slope_verdict);
    for (const auto& group : meeting.groups)
      if (meeting.groups.size() > 1)
        fmt::print("  {:32} D/N {:>8.3g}: rho/f {:26} {}\n", "", group.tokens_per_parameter, shown(group.ratio),
                   group.parts);
  };
  if (meetings.control) row(*meetings.control);
  for (const auto& meeting : meetings.formats) row(meeting);
  for (const auto& meeting : meetings.formats) fmt::print("{}\n", meeting.equal.sentence);
  if (meetings.overall) fmt::print("{}\n", meetings.overall->sentence);
}

void print_frontier(const density::Analysis& analysis) {
  fmt::print("\nsmallest models for their {} [bits of the whole model, 16 for what is not rounded]:\n",
             density::row_of(analysis.measure).words);
  for (const auto& point : analysis.frontier)
    if (point.front)
      fmt::print("  {:>10.4g} bits  {:>8.4g}  {} ({})\n", point.total_bits, point.value, point.run, point.precision);
}

void print_compression(const density::CompressionSummary& compression) {
  if (compression.rows.empty()) return;
  fmt::print("\ndensity of compressed models over that of the model they were made of:\n");
  for (const auto& row : compression.rows)
    fmt::print("  {:48} {:>8} ({}) {}{}\n", row.run, shown(row.ratio), range(row.lo, row.hi), row.verdict,
               row.why_absent.empty() ? "" : ": " + row.why_absent);
  fmt::print("{}\n", compression.sentence);
}

void print_outlook(const density::Outlook& outlook, Measure measure) {
  if (!outlook.why_absent.empty()) {
    fmt::print("\nno outlook: {}\n", outlook.why_absent);
    return;
  }
  fmt::print(
      "\nfor a {} of {:.4g} at {:.4g} tokens, by the densing law{}:\n", density::row_of(measure).words,
      outlook.asked.value, outlook.asked.tokens,
      outlook.asked.price_halving ? fmt::format(", prices halving in {:g} days", *outlook.asked.price_halving) : "");
  for (const auto& point : outlook.points) {
    fmt::print("  {}  N {:28}  FLOPs per token {:28}", point.date, shown(std::optional(point.params)),
               shown(point.flops_per_token));
    if (point.affordable) fmt::print("  a fixed price buys {:28}", shown(point.affordable));
    fmt::print("{}\n", point.extrapolated ? "  extrapolated" : "");
  }
  if (outlook.doubling_days) fmt::print("what a fixed price buys doubles in {} days\n", shown(outlook.doubling_days));
}

}  // namespace

void print_density(const density::Analysis& analysis, const density::Request& request) {
  print_models(analysis);
  print_reference(analysis, request);
  print_densing_law(analysis.law, "");
  if (analysis.typical_law.slope_per_day)
    print_densing_law(analysis.typical_law, ", over the geometric mean of every recipe's unrounded runs");
  print_meetings(analysis.meetings);
  print_frontier(analysis);
  print_compression(analysis.compression);
  print_outlook(analysis.outlook, analysis.measure);
}

}  // namespace vernier::app
