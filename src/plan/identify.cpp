#include "plan/identify.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "fit/data.h"
#include "fit/dispatch.h"
#include "fit/select.h"
#include "fit/student.h"
#include "format/number.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

constexpr double kWidest = 0.5;      // of the value
constexpr double kWidestFactor = 3;  // between the ends of a scaled coefficient
constexpr double kBoundFree = 0.3;   // of Knowledge::bond, along directions that no run sees
constexpr double kBound = 0.9;       // of a correlation that makes an interval wide

bool about_rounding(const law::Symbol& symbol) { return symbol.acts_on != law::ActsOn::All; }

bool knows_precision(const std::string& law) {
  return fit::with_law(
      law, []<class Law>() { return std::any_of(Law::symbols.begin(), Law::symbols.end(), about_rounding); });
}

/// A reference fit takes what was fixed or tied only where it has the symbols, as in a report.
fit::FitOptions options_for(const std::string& law, fit::FitOptions options) {
  if (law != law::Chinchilla::name) return options;
  const auto symbols = fit::symbols_of(law);
  const auto has = [&](const auto& name) { return std::find(symbols.begin(), symbols.end(), name) != symbols.end(); };
  std::erase_if(options.fix, [&](const auto& entry) { return !has(entry.first); });
  std::erase_if(options.ties, [&](const auto& tie) { return !has(tie.first) || !has(tie.second); });
  return options;
}

/// True of laws of which nothing is left without a rounded run.
bool needs_rounding(const std::string& law) {
  return fit::with_law(law, []<class Law>() {
    return law::target_of<Law>() == law::Target::Loss && !requires { Law::speaks_of_unrounded; }
    &&std::any_of(Law::symbols.begin(), Law::symbols.end(), about_rounding);
  });
}

void check_rounding(const Sensitivity& at) {
  const auto& parameters = at.problem->parameters();
  if (needs_rounding(at.law) &&
      std::none_of(parameters.begin(), parameters.end(), [](const auto& p) { return about_rounding(p.symbol); }))
    throw Error("no run is rounded in a part that this law looks at");
}

void check_within(const Sensitivity& at) {
  if (std::find(at.outside.begin(), at.outside.end(), false) == at.outside.end())
    throw Error(fit::why_outside(at.law, at.problem->points().front()));
}

std::string one_line(std::string text) {
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n')) text.replace(at, 1, "; ");
  return text;
}

/// Parameters that move with parameter p, closest first.
std::vector<std::string> partners(const Sensitivity& at, const Knowledge& known, std::size_t p) {
  const Eigen::VectorXd own = gradient(at, p);
  const double least = known.error(own) ? kBound : kBoundFree;
  std::vector<std::pair<double, std::string>> bonds;
  for (std::size_t q = 0; q < at.theta.size(); ++q)
    if (q != p && at.coordinate[q] >= 0)
      if (const double bond = known.bond(own, gradient(at, q)); bond >= least)
        bonds.emplace_back(bond, at.problem->parameters()[q].name);
  std::stable_sort(bonds.begin(), bonds.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> names;
  for (auto& [bond, name] : bonds) names.push_back(std::move(name));
  return names;
}

void add_expected(std::vector<Expected>& all, const Sensitivity& at, double noise) {
  const Knowledge known(at.J, noise);
  for (std::size_t p = 0; p < at.theta.size(); ++p) {
    if (at.coordinate[p] < 0) continue;
    const std::string& name = at.problem->parameters()[p].name;
    Expected expected = expected_of(at.natural[p], at.log[p], known.error(gradient(at, p)), judged(at, p));
    expected.law = at.law;
    expected.parameter = name;
    if (!expected.identified) expected.with = partners(at, known, p);
    all.push_back(std::move(expected));
  }
}

}  // namespace

Judged judged(const Sensitivity& at, std::size_t p) {
  const law::Symbol& symbol = at.problem->parameters()[p].symbol;
  return {symbol.scale == law::Scale::Linear && symbol.lowest < 0 && symbol.highest > 0, at.natural[p] != at.theta[p],
          symbol.lowest, symbol.highest};
}

Expected expected_of(double value, bool log, std::optional<double> error, const Judged& rule) {
  Expected expected;
  expected.value = value;
  if (!error) return expected;
  const double reach = fit::kNormal95 * *error;
  const double lo = log ? value * std::exp(-reach) : value - reach, hi = log ? value * std::exp(reach) : value + reach;
  if (!std::isfinite(hi)) return expected;
  expected.lo = lo;
  expected.hi = hi;
  const double size = rule.may_be_zero ? std::max(1.0, std::abs(value)) : std::abs(value);
  const bool narrow = rule.scaled ? lo > 0 && hi <= kWidestFactor * lo : hi - lo <= kWidest * size;
  expected.identified = narrow && lo > rule.lowest && hi < rule.highest;
  return expected;
}

std::vector<law::RunPoint> points_of_law(const std::string& law, const std::vector<law::RunPoint>& points) {
  const law::Target target = fit::target_of(law);
  if (target == law::Target::TaskLoss || target == law::Target::TaskScore)
    throw Error("it predicts how well tasks are answered, of which nothing is assumed before training");
  auto own = fit::points_for(law, points);
  if (own.empty() && target == law::Target::PostTraining)
    throw Error("it predicts the loss after post-training quantization, and the experiment has no post_training");
  const bool unrounded_only = target == law::Target::Loss && !knows_precision(law);
  if (unrounded_only) std::erase_if(own, [](const auto& point) { return law::is_rounded(point); });
  if (own.empty()) throw Error("it knows no precision, and every run is rounded");
  return own;
}

Sensitivity foresight(const std::string& law, const std::vector<law::RunPoint>& points,
                      const std::vector<law::RunPoint>& anchor, const Assumed& assumed,
                      const fit::FitOptions& options) {
  Sensitivity at = sensitivity_of(law, points, anchor, assumed, options_for(law, options));
  check_rounding(at);
  check_within(at);
  return at;
}

Foreseen foresee(const std::vector<std::string>& laws, const std::vector<law::RunPoint>& points, const Assumed& assumed,
                 const fit::FitOptions& options) {
  Foreseen foreseen;
  for (const auto& law : laws) {
    fit::target_of(law);  // an unknown law is refused here
    try {
      const auto own = points_of_law(law, points);
      add_expected(foreseen.identifies, foresight(law, own, own, assumed, options), assumed.noise);
    } catch (const Error& why) {
      foreseen.not_foreseen.push_back({law, one_line(why.what())});
    }
  }
  return foreseen;
}

std::vector<law::RunPoint> points_of(const std::vector<RunSpec>& runs) {
  std::vector<StoredRun> imagined;
  for (const auto& spec : runs) {
    StoredRun run;
    run.id = fmt::format("{}", imagined.size());
    run.spec = spec;
    run.record.status = "done";
    run.record.loss_val = 1;  // not used: only derivatives of the law are
    run.record.parameters = parameters_of(architecture_of(spec.recipe), spec.shape);
    imagined.push_back(run);
  }
  return fit::points_from_runs(imagined).points;
}

namespace {

/// What the laws of quantization after training look at: its bits.
law::Part post_part(const std::string& weights) {
  const Number number = parse_number(weights);
  law::Part part;
  part.rounded = number.rounded;
  part.bits = number.rounded ? number.bits() : 16.0;
  part.number = weights;
  return part;
}

}  // namespace

std::vector<law::RunPoint> post_trained(const std::vector<law::RunPoint>& points, const PostTrainingAsked& asked,
                                        const Centre& centre, const Assumed& assumed) {
  std::vector<law::RunPoint> rows;
  for (const auto& point : points)
    for (const auto& method : asked.methods)
      for (const auto& weights : asked.weights) {
        rows.push_back(point);
        rows.back().post = post_part(weights);
        rows.back().method = method;
        rows.back().loss_before = assumed_loss(point, centre, assumed);
      }
  return rows;
}

std::vector<law::RunPoint> points_of(const Experiment& experiment, const std::vector<RunSpec>& runs,
                                     const Assumed& assumed, std::optional<Centre> centre) {
  auto points = points_of(runs);
  if (!experiment.post_training) return points;
  const auto after = post_trained(points, *experiment.post_training, centre.value_or(centre_of(points)), assumed);
  points.insert(points.end(), after.begin(), after.end());
  return points;
}

fit::FitOptions options_of(const FitAsked& asked) {
  fit::FitOptions options;
  const auto sides = [](const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size() - 1);
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
  };
  for (const auto& text : asked.tie) options.ties.push_back(sides(text));
  for (const auto& text : asked.fix) options.fix[sides(text).first] = std::stod(sides(text).second);
  return options;
}

std::vector<std::string> law_names() { return fit::law_names(); }

}  // namespace vernier::plan
