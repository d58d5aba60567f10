#include "fit/hypothesis.h"

#include <algorithm>
#include <cmath>

#include "fit/dispatch.h"
#include "fit/nested.h"
#include "fit/optimum.h"
#include "fit/ruling.h"
#include "fit/select.h"
#include "fit/trend.h"
#include "fit/varied.h"
#include "fit/verdict_words.h"

namespace vernier::fit {
namespace {

using Kind = Claim::Kind;
using law::RunPoint;

constexpr std::int64_t kReplicates = 200;    // at least, for an interval
constexpr std::int64_t kPermutations = 999;  // of a trend, and resamples of its runs

bool may_be_zero(const law::Symbol& symbol) {
  return symbol.scale == law::Scale::Linear && symbol.lowest < 0 && symbol.highest > 0;
}

/// The options with which a law is fitted where the claim's own parameters are open, and what is said of other laws'
/// parameters is left out.
FitOptions opened(const Hypothesis& hypothesis, const Problem& problem, FitOptions options) {
  const std::vector<std::string> own{hypothesis.claim.left, hypothesis.claim.right};
  const auto symbols = symbols_of(hypothesis.law);
  const auto is_own = [&](const std::string& name) { return std::find(own.begin(), own.end(), name) != own.end(); };
  const auto is_known = [&](const std::string& name) {
    const auto& all = problem.parameters();
    return std::find(symbols.begin(), symbols.end(), name) != symbols.end() ||
           std::any_of(all.begin(), all.end(), [&](const auto& p) { return p.name == name; });
  };
  std::erase_if(options.fix, [&](const auto& fix) { return is_own(fix.first) || !is_known(fix.first); });
  std::erase_if(options.ties, [&](const auto& tie) {
    return is_own(tie.first) || is_own(tie.second) || !is_known(tie.first) || !is_known(tie.second);
  });
  std::erase_if(options.free, [&](const auto& name) { return !is_known(name); });
  for (const auto& name : own)
    if (is_known(name)) options.free.insert(name);
  options.bootstrap = std::max(options.bootstrap, kReplicates);
  options.holdout.clear();
  return options;
}

std::size_t place_of(const Problem& problem, const std::string& name) {
  const auto& all = problem.parameters();
  return std::size_t(std::find_if(all.begin(), all.end(), [&](const auto& p) { return p.name == name; }) - all.begin());
}

/// The effect of each replicate as an interval around that of the fit.
template <class Of>
Effect effect_of(std::string what, std::string unit, const NestedFit& comparison, Of of) {
  std::vector<double> values;
  for (const auto& replicate : comparison.replicates) values.push_back(of(replicate));
  Effect effect{std::move(what), std::move(unit), of(comparison.alternative), {}, {}, {}};
  if (const auto range = interval_90(std::move(values))) std::tie(effect.lo, effect.hi) = *range;
  return effect;
}

void rule_on(Decision& decision, const NestedFit& comparison, const std::vector<std::size_t>& parameters,
             bool one_sided) {
  decision.runs = comparison.runs;
  decision.statistic = comparison.statistic;
  decision.p = comparison.p;
  const bool is_free =
      std::any_of(parameters.begin(), parameters.end(), [&](std::size_t g) { return comparison.free[g]; });
  if (is_free) {
    decision.effect->lo = decision.effect->hi = std::nullopt;
    decision.why = fmt::format(
        "{}: other values of the parameters fit exactly as well, so these data do not identify the "
        "difference",
        kNoRuns);
  } else if (!decision.effect->lo) {
    decision.why = "Too few replicates reached an optimum for an interval";
  } else {
    rule_by_difference(decision, one_sided);
  }
}

Nested nested_of(const Hypothesis& hypothesis, const FitOptions& open, const FitOptions& tied, bool centred) {
  const std::string law = hypothesis.law;
  return {[law, centred](const std::vector<RunPoint>& points) { return make_problem(law, points, centred); },
          [law, tied](const Problem& problem) { return make_setting(law, problem, tied); },
          [law, open](const Problem& problem) { return make_setting(law, problem, open); }};
}

void decide_equality(Decision& decision, const std::vector<RunPoint>& points, const DecideOptions& options) {
  const auto& [claim, law, share] = decision.hypothesis;
  const FitOptions open = opened(decision.hypothesis, *make_problem(law, points), options.fit);
  FitOptions tied = open;
  if (claim.right.empty())
    tied.fix[claim.left] = claim.lo;
  else
    tied.ties.emplace_back(claim.left, claim.right);
  const bool centred = !fixes_scaled_parameter(law, tied);
  const NestedFit comparison =
      compare(nested_of(decision.hypothesis, open, tied, centred), points, open, options.draws);

  const std::size_t a = place_of(*comparison.problem, claim.left);
  const auto& symbol = comparison.problem->parameters()[a].symbol;
  const auto other = [&, b = place_of(*comparison.problem, claim.right)](const std::vector<double>& theta) {
    return claim.right.empty() ? claim.lo : theta[b];
  };
  const std::string right = claim.right.empty() ? fmt::format("{}", claim.lo) : claim.right;
  const std::string what = right == "0" ? claim.left : fmt::format("{} - {}", claim.left, right);
  decision.effect =
      effect_of(what, std::string(symbol.unit), comparison, [&](const auto& theta) { return theta[a] - other(theta); });
  double size = std::abs(claim.lo);
  if (!claim.right.empty()) size = (std::abs(comparison.alternative[a]) + std::abs(other(comparison.alternative))) / 2;
  decision.effect->margin = share * (may_be_zero(symbol) || size == 0 ? 1.0 : size);
  std::vector<std::size_t> parameters{a};
  if (!claim.right.empty()) parameters.push_back(place_of(*comparison.problem, claim.right));
  rule_on(decision, comparison, parameters, false);
}

double spread(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return *most - *least;
}

double mean_loss(const std::vector<RunPoint>& points) {
  double mean = 0;
  for (const auto& point : points) mean += point.loss / double(points.size());
  return mean;
}

void decide_independence(Decision& decision, const std::vector<RunPoint>& points, const DecideOptions& options) {
  const auto& [claim, law, share] = decision.hypothesis;
  const auto varied_of = [law = law, name = claim.left](const auto& some) { return make_varied(law, name, some); };
  const Varied whole = varied_of(points);
  FitOptions open = opened(decision.hypothesis, *whole.problem, options.fit), shared = open;
  for (std::size_t g = whole.first; g < whole.problem->parameters().size(); ++g)
    shared.fix[whole.problem->parameters()[g].name] = whole.none;
  const Nested nested{[varied_of](const std::vector<RunPoint>& some) { return varied_of(some).problem; },
                      [law = law, shared](const Problem& problem) { return make_setting(law, problem, shared); },
                      [law = law, open](const Problem& problem) { return make_setting(law, problem, open); }};
  const NestedFit comparison = compare(nested, points, open, options.draws);

  const auto values = values_by_precision(whole, comparison.alternative);
  decision.effect =
      effect_of(fmt::format("the largest less the smallest {} of {} precisions", claim.left, values.size()),
                std::string(whole.problem->parameters()[whole.parameter].symbol.unit), comparison,
                [&](const auto& theta) { return spread(values_by_precision(whole, theta)); });
  double mean = 0;
  for (const double value : values) mean += value / double(values.size());
  decision.effect->margin = share * (claim.left == "E" ? mean_loss(comparison.points) - mean : mean);
  std::vector<std::size_t> parameters{whole.parameter};
  for (std::size_t g = whole.first; g < comparison.free.size(); ++g) parameters.push_back(g);
  rule_on(decision, comparison, parameters, true);
}

/// A known fit in which the parameter was free, alone and given an interval.
const FitSummary* known_fit(const std::vector<FitSummary>& known, const Hypothesis& hypothesis,
                            const FitOptions& options) {
  const std::string& name = hypothesis.claim.left;
  const bool constrained = options.fix.contains(name) ||
                           std::any_of(options.ties.begin(), options.ties.end(),
                                       [&](const auto& tie) { return tie.first == name || tie.second == name; });
  for (const auto& fit : known) {
    if (constrained || fit.law != hypothesis.law || std::int64_t(fit.bootstrap.size()) < kReplicates / 2) continue;
    const auto at = std::size_t(std::find(fit.symbols.begin(), fit.symbols.end(), name) - fit.symbols.begin());
    if (name == kBestBits || (at < fit.symbols.size() && fit.parameters[at].identified)) return &fit;
  }
  return nullptr;
}

/// P* over the replicates; only its lower side is known where it lies at the end of what is searched.
Effect best_bits_of(const FitSummary& fit) {
  const OptimumIntervals found = optimum_with_intervals(fit, {1e20, {}, {}, {}});  // P* does not depend on compute
  if (!found.best.p) throw Error(fmt::format("{} gives no P*: no run is rounded", fit.law));
  if (!found.best.interior)
    throw Error(fmt::format("N_eff/N per bit of {} has no maximum inside of 1 to 32 bits", fit.law));
  return {"P*", "bits", *found.best.p, found.p->lo, found.p->hi, {}};
}

void decide_interval(Decision& decision, const std::vector<RunPoint>& points, const DecideOptions& options,
                     const std::vector<FitSummary>& known) {
  const auto& [claim, law, share] = decision.hypothesis;
  const FitSummary* given = known_fit(known, decision.hypothesis, options.fit);
  const FitSummary fit =
      given ? *given : fit::fit(law, points, opened(decision.hypothesis, *make_problem(law, points), options.fit));
  decision.runs = fit.rows;
  if (claim.left == kBestBits) {
    decision.effect = best_bits_of(fit);
  } else {
    const auto at = std::find(fit.symbols.begin(), fit.symbols.end(), claim.left) - fit.symbols.begin();
    if (at == std::ptrdiff_t(fit.symbols.size()))
      throw Error(fmt::format("no run that {} can describe says anything about {}", law, claim.left));
    const Interval& interval = fit.parameters.at(std::size_t(at));
    const auto problem = make_problem(law, points);
    const auto& symbol = problem->parameters()[place_of(*problem, claim.left)].symbol;
    decision.effect = {claim.left, std::string(symbol.unit), interval.value, interval.lo, interval.hi, {}};
  }
  if (decision.effect->lo && decision.effect->hi)
    rule_by_interval(decision, claim.lo, claim.hi);
  else
    decision.why = fmt::format("{}: other values of {} fit exactly as well, so these data do not identify it", kNoRuns,
                               claim.left);
}

void decide_trend(Decision& decision, const std::vector<RunPoint>& points, const DecideOptions& options) {
  const Claim& claim = decision.hypothesis.claim;
  const Stream stream = Stream{std::uint64_t(options.fit.seed)}.child("trend");
  const Trend trend = trend_of(claim, points, kPermutations, stream);
  decision.runs = trend.runs;
  decision.p = trend.p;
  decision.effect = {fmt::format("the slope of {} per e-fold of {}", claim.left, claim.right),
                     "nats per token",
                     trend.slope,
                     trend.lo,
                     trend.hi,
                     {}};
  const double far = std::numeric_limits<double>::infinity();
  rule_by_interval(decision, claim.grows ? 0 : -far, claim.grows ? far : 0);
}

void decide_by_kind(Decision& decision, const std::vector<RunPoint>& points, const DecideOptions& options,
                    const std::vector<FitSummary>& known) {
  const Kind kind = decision.hypothesis.claim.kind;
  if (kind == Kind::Trend) return decide_trend(decision, points, options);
  const auto own = points_for(decision.hypothesis.law, points);
  if (kind == Kind::Equality) return decide_equality(decision, own, options);
  if (kind == Kind::Independence) return decide_independence(decision, own, options);
  decide_interval(decision, own, options, known);
}

std::string in_one_line(std::string text) {
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n')) text.replace(at, 1, "; ");
  return text;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string_view name_of(Ruling ruling) {
  if (ruling == Ruling::Supported) return "supported";
  return ruling == Ruling::Refuted ? "refuted" : "undecided";
}

Decision decide(const Hypothesis& hypothesis, const std::vector<RunPoint>& points, const DecideOptions& options,
                const std::vector<FitSummary>& known) {
  Decision decision;
  decision.hypothesis = hypothesis;
  decision.why = lacking(hypothesis, points);
  try {
    if (decision.why.empty()) decide_by_kind(decision, points, options, known);
  } catch (const Error& problem) {
    decision.why = in_one_line(problem.what());
  } catch (const Failure& problem) {
    decision.why = in_one_line(problem.what());
  }
  decision.sentence = sentence_of(decision);
  return decision;
}

Json to_json(const Decision& decision) {
  Json effect = nullptr;
  if (decision.effect)
    effect = {{"what", decision.effect->what},      {"unit", decision.effect->unit},
              {"value", decision.effect->value},    {"lo", or_null(decision.effect->lo)},
              {"hi", or_null(decision.effect->hi)}, {"margin", or_null(decision.effect->margin)}};
  const auto& law = decision.hypothesis.law;
  return {{"claim", decision.hypothesis.claim.text},
          {"law", law.empty() ? Json(nullptr) : Json(law)},
          {"verdict", name_of(decision.ruling)},
          {"effect", effect},
          {"statistic", or_null(decision.statistic)},
          {"p", or_null(decision.p)},
          {"runs", decision.runs},
          {"more_runs", or_null(decision.more_runs)},
          {"why", decision.why.empty() ? Json(nullptr) : Json(decision.why)},
          {"sentence", decision.sentence}};
}

}  // namespace vernier::fit
