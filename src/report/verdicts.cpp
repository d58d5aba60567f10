#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "report/chart_rows.h"
#include "report/numbers.h"
#include "report/report.h"

namespace vernier::report {
namespace {

using Tone = Verdict::Tone;

Verdict about_runs(const Study& study) {
  std::vector<std::string> diverged;
  std::size_t done = 0;
  for (const auto& run : study.runs) {
    if (run.record.status != "diverged")
      ++done;
    else
      diverged.push_back(fmt::format(
          "{}{}", described(run), run.record.diverged_at ? fmt::format(" at step {}", *run.record.diverged_at) : ""));
  }
  Verdict verdict{Tone::Good, "Runs", fmt::format("{} finished.", counted(done, "run"))};
  if (study.missing > 0)
    verdict.text += fmt::format(" {} of the grid not made yet.", counted(std::size_t(study.missing), "run"));
  if (!diverged.empty())
    verdict.text +=
        fmt::format(" {} diverged and entered no fit: {}.", counted(diverged.size(), "run"), fmt::join(diverged, "; "));
  for (const auto& broken : study.broken)
    verdict.text += fmt::format(" Folder {} is no complete run and was not counted: {}.", broken.folder, broken.why);
  if (study.others > 0)
    verdict.text +=
        fmt::format(" {} of other experiments in the same store left out.", counted(std::size_t(study.others), "run"));
  if (done == 0 || study.missing > 0 || !diverged.empty() || !study.broken.empty()) verdict.tone = Tone::Caution;
  if (study.seed_noise)
    verdict.text += fmt::format(" The same run with another seed ends within {} of the loss (standard deviation).",
                                percent(*study.seed_noise));
  return verdict;
}

/// Symbols of a fit whose `identified` flag is `wanted`.
std::vector<std::string> symbols_where(const fit::FitSummary& fit, bool wanted) {
  std::vector<std::string> symbols;
  for (std::size_t i = 0; i < fit.symbols.size(); ++i)
    if (fit.parameters[i].identified == wanted) symbols.push_back(fit.symbols[i]);
  return symbols;
}

Verdict about_identification(const fit::FitSummary& fit, const std::string& runs) {
  const auto known = symbols_where(fit, true), unknown = symbols_where(fit, false);
  Verdict verdict{Tone::Plain,
                  fmt::format("What {} {} identify: {}", counted(std::size_t(fit.rows), "run"), runs, fit.law), ""};
  if (known.empty() && unknown.empty()) {
    verdict.text = "No intervals were asked for, so nothing is said about which parameters these data identify.";
    return verdict;
  }
  if (!known.empty()) verdict.text += fmt::format("These data identify {}. ", listed(known));
  if (!unknown.empty())
    verdict.text += fmt::format("They do not identify {}: other values fit as well. ", listed(unknown));
  verdict.text += fmt::format("The law misses the losses by {} (root mean square)", percent(fit.rms_log));
  if (const auto error = holdout_error(fit))
    verdict.text +=
        fmt::format(", and by {} on the {} held out", percent(*error), counted(std::size_t(fit.holdout->rows), "run"));
  verdict.text += ".";
  if (!fit.excluded.empty())
    verdict.text +=
        fmt::format(" {} outside of what this law can describe and left out.",
                    fit.excluded.size() == 1 ? "One run lies" : fmt::format("{} runs lie", fit.excluded.size()));
  verdict.tone = unknown.empty() ? Tone::Good : Tone::Caution;
  return verdict;
}

Verdict about_entropy(const Study& study) {
  Verdict verdict{Tone::Plain, "Irreducible loss", ""};
  const auto entropy = known_entropy(study.runs);
  const auto& fit = *study.reference;
  const auto at = std::find(fit.symbols.begin(), fit.symbols.end(), "E") - fit.symbols.begin();
  const auto& e = fit.parameters[std::size_t(at)];
  verdict.text = fmt::format("The fitted E is {} nats per token. ", with_interval(e));
  if (!entropy) {
    verdict.text += "The entropy of this corpus is not known, so E cannot be checked.";
    return verdict;
  }
  const bool whole = e.lo && e.hi;
  const bool inside = whole && *e.lo <= *entropy && *entropy <= *e.hi;
  verdict.tone = inside ? Tone::Good : Tone::Caution;
  verdict.text += fmt::format("The known entropy of the held-out tokens is {}, ", digits(*entropy));
  if (!whole)
    verdict.text += fmt::format("{} off; without an interval this is no test.", percent(e.value / *entropy - 1));
  else
    verdict.text += fmt::format("{} the 90 % interval, whose width is {} of it.", inside ? "inside" : "outside",
                                percent((*e.hi - *e.lo) / *entropy));
  return verdict;
}

Verdict about_forms(const Study& study) {
  Verdict verdict{Tone::Plain, "Which form of the precision law", ""};
  std::vector<const fit::FitSummary*> ranked;
  for (const auto& fit : study.fits)
    if (holdout_error(fit)) ranked.push_back(&fit);
  if (ranked.size() < 2) {
    verdict.text = "Fewer than two precision laws have a hold-out error, so none can be preferred.";
    return verdict;
  }
  std::sort(ranked.begin(), ranked.end(), [](auto* a, auto* b) { return holdout_error(*a) < holdout_error(*b); });
  std::vector<std::string> errors;
  for (const auto* fit : ranked) errors.push_back(fmt::format("{} {}", fit->law, percent(*holdout_error(*fit))));
  const auto& best = *ranked[0];
  std::vector<std::string> close;
  for (const auto* fit : ranked)
    if (*holdout_error(*fit) <= kCloseErrors * *holdout_error(best)) close.push_back(fit->law);
  verdict.text =
      fmt::format("Error on the {} held out: {}. ", counted(std::size_t(best.holdout->rows), "run"), listed(errors));
  verdict.text += close.size() == 1 ? fmt::format("{} predicts best.", best.law)
                                    : fmt::format("By these data one cannot choose between {}.", listed(close));
  return verdict;
}

std::string digits_3(double value) { return fmt::format("{:.3g}", value); }

bool overlap(const fit::Interval& a, const fit::Interval& b) {
  constexpr double far = 1e300;
  return a.lo.value_or(-far) <= b.hi.value_or(far) && b.lo.value_or(-far) <= a.hi.value_or(far);
}

Verdict about_meeting(const Study& study) {
  Verdict verdict{Tone::Plain, "Do the two laws agree", ""};
  std::vector<std::string> agree, differ;
  for (const auto& format : study.formats) {
    const auto& share = format.free_share ? format.free_share : format.law_share;
    if (!share || !format.density || format.precision == "baseline") continue;
    const bool has_intervals = (share->lo || share->hi) && (format.density->lo || format.density->hi);
    if (!has_intervals) continue;
    if (overlap(*share, *format.density))
      agree.push_back(
          fmt::format("{} ({} and {})", format.name, digits_3(format.density->value), digits_3(share->value)));
    else
      differ.push_back(fmt::format("{} (density {}, N_eff/N {})", format.name, with_interval(*format.density),
                                   with_interval(*share)));
  }
  if (agree.empty() && differ.empty()) {
    verdict.text = "No format has both a density and an N_eff/N with intervals, so they cannot be compared.";
    return verdict;
  }
  if (!agree.empty())
    verdict.text +=
        fmt::format("Density and N_eff/N agree within their 90 % intervals for {}, density first. ", listed(agree));
  if (!differ.empty()) verdict.text += fmt::format("They differ for {}.", listed(differ));
  verdict.tone = differ.empty() ? Tone::Good : Tone::Caution;
  return verdict;
}

Verdict about_best_bits(const Study& study) {
  Verdict verdict{Tone::Plain, "Where a stored bit is best spent", ""};
  const Format* densest = nullptr;
  for (const auto& format : study.formats)
    if (format.density_per_bit && (!densest || format.density_per_bit->value > densest->density_per_bit->value))
      densest = &format;
  if (densest)
    verdict.text += fmt::format("Measured density per stored bit is largest for {}: {} times that of 16 bits. ",
                                densest->name, with_interval(*densest->density_per_bit));
  if (study.law_best) {
    const auto& [bits, lo, hi, interior] = *study.law_best;
    fit::Interval interval{bits, lo, hi, {}, {}};
    verdict.text += fmt::format("By {}, N_eff/N per bit peaks at {} bits", *study.curve, with_interval(interval));
    verdict.text += interior ? ", the compute-optimal precision where cost is proportional to bits."
                             : ": at the end of what was searched, so there is no optimum inside.";
  }
  if (verdict.text.empty()) verdict.text = "Neither a density nor a precision law is known.";
  return verdict;
}

Verdict about_hypothesis(const fit::Decision& decision) {
  const Tone tone = decision.ruling == fit::Ruling::Supported ? Tone::Good
                    : decision.ruling == fit::Ruling::Refuted ? Tone::Caution
                                                              : Tone::Plain;
  return {tone, fmt::format("Hypothesis: {}", decision.hypothesis.claim.text), decision.sentence};
}

Verdict about_unfitted(const Unfitted& unfitted) {
  return {Tone::Caution, fmt::format("Not fitted: {}", unfitted.law),
          fmt::format("These runs could not give it: {}", unfitted.why)};
}

}  // namespace

std::vector<Verdict> verdicts(const Study& study) {
  std::vector<Verdict> list{about_runs(study)};
  for (const auto& decision : study.decisions) list.push_back(about_hypothesis(decision));
  for (const auto& unfitted : study.unfitted) list.push_back(about_unfitted(unfitted));
  if (study.reference) {
    list.push_back(about_entropy(study));
    list.push_back(about_identification(*study.reference, "without rounding"));
  }
  for (const auto& fit : study.fits) list.push_back(about_identification(fit, "together"));
  if (!study.fits.empty()) {
    list.push_back(about_forms(study));
    list.push_back(about_meeting(study));
    list.push_back(about_best_bits(study));
  }
  return list;
}

}  // namespace vernier::report
