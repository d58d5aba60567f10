#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "fit/compare.h"
#include "report/formats.h"
#include "report/numbers.h"
#include "report/report.h"

namespace vernier::report {
namespace {

constexpr std::string_view kReferenceLaw = "chinchilla";
constexpr std::string_view kFreeLaw = "free_eff";

std::vector<law::RunPoint> unrounded(const std::vector<law::RunPoint>& points) {
  std::vector<law::RunPoint> chosen;
  std::copy_if(points.begin(), points.end(), std::back_inserter(chosen),
               [](const auto& point) { return point.precision == "baseline"; });
  return chosen;
}

/// The laws that were asked for, and where runs are rounded the one that assumes no form: others are measured by it.
std::vector<std::string> with_yardstick(std::vector<std::string> laws, const std::vector<law::RunPoint>& points) {
  const bool rounded = std::any_of(points.begin(), points.end(), law::is_rounded);
  if (rounded && std::find(laws.begin(), laws.end(), kFreeLaw) == laws.end()) laws.emplace_back(kFreeLaw);
  return laws;
}

/// The reference takes what was fixed or tied only where it has the symbols.
fit::FitOptions reference_options(fit::FitOptions options) {
  const std::set<std::string> symbols{"E", "A", "B", "alpha", "beta"};
  std::erase_if(options.fix, [&](const auto& entry) { return !symbols.contains(entry.first); });
  std::erase_if(options.ties,
                [&](const auto& tie) { return !symbols.contains(tie.first) || !symbols.contains(tie.second); });
  return options;
}

/// The fit, or its reason for there being none in `unfitted`. Where the runs suffice for the fit but not for its
/// hold-out, the fit comes without one, and tables show the hold-out error as absent.
std::optional<fit::FitSummary> tried(std::string_view law, const std::vector<law::RunPoint>& points,
                                     fit::FitOptions options, std::vector<Unfitted>& unfitted) {
  std::string why;
  for (const bool with_holdout : {true, false}) {
    if (!with_holdout && options.holdout.empty()) break;
    if (!with_holdout) options.holdout.clear();
    try {
      return fit::fit(law, points, options);
    } catch (const Error& problem) {
      why = problem.what();
    } catch (const Failure& problem) {
      why = problem.what();
    }
  }
  for (auto at = why.find('\n'); at != std::string::npos; at = why.find('\n')) why.replace(at, 1, "; ");
  unfitted.push_back({std::string(law), why});
  return std::nullopt;
}

/// Decides what was claimed, on the runs that the fits of this report saw: the reference law speaks of runs in which
/// nothing is rounded, unless the claim is about precision.
std::vector<fit::Decision> decided(const Study& study) {
  using Kind = fit::Claim::Kind;
  std::vector<fit::FitSummary> known = study.fits;
  if (study.reference) known.push_back(*study.reference);
  std::vector<fit::Decision> decisions;
  for (const auto& hypothesis : study.asked.hypotheses) {
    const bool reference = hypothesis.law == kReferenceLaw && hypothesis.claim.kind != Kind::Independence;
    fit::DecideOptions options{reference ? reference_options(study.asked.options) : study.asked.options};
    const auto points = reference ? unrounded(study.data.points) : study.data.all();
    decisions.push_back(fit::decide(hypothesis, points, options, known));
  }
  return decisions;
}

/// The best law that is a formula in bits: of those whose hold-out errors are close to the smallest, the one with the
/// least AIC.
std::optional<std::string> best_curve(const std::vector<fit::FitSummary>& fits) {
  const auto error = [](const auto& fit) {
    return holdout_error(fit).value_or(std::numeric_limits<double>::infinity());
  };
  std::vector<const fit::FitSummary*> curves;
  for (const auto& fit : fits)
    if (fit.law != kFreeLaw && fit.law != kReferenceLaw) curves.push_back(&fit);
  if (curves.empty()) return std::nullopt;
  double least = std::numeric_limits<double>::infinity();
  for (const auto* fit : curves) least = std::min(least, error(*fit));
  std::erase_if(curves, [&](const auto* fit) { return error(*fit) > kCloseErrors * least; });
  return (*std::min_element(curves.begin(), curves.end(), [](auto* a, auto* b) { return a->aic < b->aic; }))->law;
}

/// Standard deviation of ln L over runs that differ in their seed only, pooled over all such groups.
std::optional<double> noise_of_seeds(const std::vector<StoredRun>& runs) {
  std::map<std::string, std::vector<double>> groups;
  for (const auto& run : runs) {
    if (run.record.status != "done" || !run.record.loss_val || !(*run.record.loss_val > 0)) continue;
    RunSpec spec = run.spec;
    spec.seed = 0;
    groups[run.record.corpus_digest + to_json(spec).dump()].push_back(std::log(*run.record.loss_val));
  }
  double squares = 0;
  std::size_t freedom = 0;
  for (const auto& [spec, values] : groups) {
    double mean = 0;
    for (const double value : values) mean += value / double(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    freedom += values.size() - 1;
  }
  return freedom > 0 ? std::optional(std::sqrt(squares / double(freedom))) : std::nullopt;
}

/// Keeps the runs that were planned and counts the others; nothing to do where the plan is not known.
void keep_planned(Study& study) {
  if (study.asked.planned.empty()) return;
  std::set<std::string> planned;
  for (const auto& spec : study.asked.planned) planned.insert(run_id(spec, study.asked.corpus_digest));
  const auto stored = study.runs.size();
  std::erase_if(study.runs, [&](const auto& run) { return !planned.contains(run.id); });
  study.others = std::int64_t(stored - study.runs.size());
  study.missing = std::int64_t(planned.size() - study.runs.size());
}

std::vector<StoredRun> of_recipe(std::vector<StoredRun> runs, const std::string& recipe) {
  if (!recipe.empty()) std::erase_if(runs, [&](const StoredRun& run) { return run.spec.recipe != recipe; });
  return runs;
}

bool wants_density(const std::vector<StoredRun>& runs) {
  return std::any_of(runs.begin(), runs.end(), [&](const StoredRun& run) {
    return run.record.task_accuracy || run.spec.recipe != runs[0].spec.recipe;
  });
}

void measure_density(Study& study) {
  if (!wants_density(study.runs)) return;
  density::Request request;
  request.recipe = study.asked.recipe;
  request.bootstrap = study.asked.options.bootstrap;
  request.seed = study.asked.options.seed;
  try {
    study.density = density::analyse(study.runs, study.broken, request);
  } catch (const std::runtime_error& problem) {
    study.why_no_density = problem.what();
  }
}

}  // namespace

const fit::FitSummary* Study::fit_of(std::string_view law) const {
  if (law == kReferenceLaw) return reference ? &*reference : nullptr;
  const auto found = std::find_if(fits.begin(), fits.end(), [&](const auto& fit) { return fit.law == law; });
  return found == fits.end() ? nullptr : &*found;
}

Study analyse(const Asked& asked, std::vector<StoredRun> runs, std::vector<store::Broken> broken) {
  Study study;
  study.asked = asked;
  study.runs = std::move(runs);
  study.broken = std::move(broken);
  keep_planned(study);
  study.sweeps = fit::rate_sweeps(study.runs);
  study.data = fit::points_from_runs(fit::at_best_rates(of_recipe(study.runs, asked.recipe)));
  study.seed_noise = noise_of_seeds(study.runs);
  study.reference =
      tried(kReferenceLaw, unrounded(study.data.points), reference_options(asked.options), study.unfitted);
  auto options = asked.options;
  options.holdouts.assign(fit::kHoldouts.begin(), fit::kHoldouts.end());
  for (const auto& law : with_yardstick(asked.laws, study.data.points)) {
    if (law == kReferenceLaw) continue;
    if (auto fit = tried(law, study.data.all(), options, study.unfitted)) study.fits.push_back(std::move(*fit));
  }
  study.curve = best_curve(study.fits);

  const auto* free = study.fit_of(kFreeLaw);
  const auto* curve = study.curve ? study.fit_of(*study.curve) : nullptr;
  const auto* reference = study.fit_of(kReferenceLaw);
  if (reference)
    study.densities = density::densities(study.data.points, study.data.excluded, *reference, curve ? curve : free);
  study.formats = formats_of(study.data, reference, free, curve, asked.options.seed);
  const auto* typical = typical_point(study.data.points);
  if (curve && typical) study.law_best = best_bits(*curve, *typical);
  study.decisions = decided(study);
  measure_density(study);
  return study;
}

}  // namespace vernier::report
