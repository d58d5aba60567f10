#include "plan/identify.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "data/corpus.h"
#include "fit/data.h"
#include "fit/dispatch.h"
#include "fit/problem.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

constexpr double kQuantile = 1.6448536269514722;  // of the normal distribution at 95 %
constexpr double kSingular = 1e-7;  // a direction this much weaker than the strongest is one the runs do not see
constexpr double kFree = 1e-6;      // a parameter with more than this share in such directions is free
constexpr std::int64_t kFloorSequences = 32;  // enough to know the floor to some per cent

double share(double bits, const Assumed& assumed) { return 1 - std::exp(-bits / assumed.gamma); }

/// N_eff/N of a precision label by the assumed factors, from the first run that has it.
double assumed_efficiency(const std::string& label, const std::vector<law::RunPoint>& points, const Assumed& assumed) {
  const auto run =
      std::find_if(points.begin(), points.end(), [&](const auto& point) { return point.precision == label; });
  double efficiency = 1;
  if (run != points.end())
    for (const law::Part* part : {&run->weights, &run->activations, &run->kv})
      if (part->rounded) efficiency *= share(part->bits, assumed);
  return efficiency;
}

/// The assumed value of a parameter where N and D are divided by their geometric means.
double assumed_value(const fit::Parameter& parameter, const std::vector<law::RunPoint>& points,
                     const Assumed& assumed) {
  const std::string_view name = parameter.symbol.name;
  if (parameter.symbol.per != law::Per::All) return assumed_efficiency(parameter.label, points, assumed);
  if (name == "E") return assumed.floor;
  if (name == "A" || name == "B") return assumed.reducible;
  if (name == "alpha" || name == "beta") return assumed.exponent;
  if (name == "eta") return assumed.exponent / 2;
  if (name == "a" || name == "b") return assumed.reducible * std::pow(6.0, assumed.exponent / 2);
  if (name.starts_with("gamma")) return assumed.gamma;
  if (name == "k") return 3;
  if (name.starts_with("n")) return 0;
  return std::sqrt(parameter.symbol.start_lowest * parameter.symbol.start_highest);
}

std::vector<double> assumed_values(const fit::Problem& problem, const Assumed& assumed) {
  std::vector<double> theta;
  for (const auto& parameter : problem.parameters())
    theta.push_back(assumed_value(parameter, problem.points(), assumed));
  return theta;
}

/// E and the offsets may be 0 or below; everything else is taken by its logarithm.
bool by_logarithm(const fit::Parameter& parameter) {
  return parameter.name != "E" && (parameter.symbol.lowest > 0 || parameter.name == "A" || parameter.name == "B" ||
                                   parameter.name == "a" || parameter.name == "b");
}

/// J, one row for each run that lies within the law [runs, parameters].
Eigen::MatrixXd jacobian(const fit::Problem& problem, const std::vector<double>& theta) {
  const std::size_t runs = problem.points().size(), locals = problem.locals();
  std::vector<int> rows(runs);
  for (std::size_t i = 0; i < runs; ++i) rows[i] = static_cast<int>(i);
  std::vector<double> predicted(runs), by_local(runs * locals);
  problem.derivatives(theta, rows, predicted.data(), by_local.data());
  Eigen::MatrixXd J = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(runs), static_cast<Eigen::Index>(theta.size()));
  for (std::size_t i = 0; i < runs; ++i) {
    if (!std::isfinite(predicted[i])) continue;
    for (std::size_t l = 0; l < locals; ++l) {
      const int p = problem.local_of(i)[l];
      if (p < 0) continue;
      const auto column = static_cast<std::size_t>(p);
      const double scale = by_logarithm(problem.parameters()[column]) ? theta[column] : 1;
      J(static_cast<Eigen::Index>(i), p) = by_local[i * locals + l] / predicted[i] * scale;
    }
  }
  return J;
}

/// Standard error of each parameter; infinite where the runs leave it free.
std::vector<double> standard_errors(Eigen::MatrixXd J, double noise) {
  const Eigen::VectorXd length = J.colwise().norm();
  for (Eigen::Index p = 0; p < J.cols(); ++p)
    if (length[p] > 0) J.col(p) /= length[p];
  const Eigen::JacobiSVD<Eigen::MatrixXd> split(J, Eigen::ComputeFullV);
  const Eigen::VectorXd strength = split.singularValues();  // fewer than parameters where there are fewer runs
  std::vector<double> errors;
  for (Eigen::Index p = 0; p < J.cols(); ++p) {
    double variance = 0, unseen = 0;
    for (Eigen::Index k = 0; k < J.cols(); ++k) {
      const double part = split.matrixV()(p, k) * split.matrixV()(p, k);
      if (k < strength.size() && strength[k] > kSingular * strength[0])
        variance += part / (strength[k] * strength[k]);
      else
        unseen += part;
    }
    errors.push_back(unseen > kFree ? INFINITY : noise * std::sqrt(variance) / length[p]);
  }
  return errors;
}

Expected expected_of(const std::string& law, const fit::Parameter& parameter, double value, double error) {
  Expected expected{.law = law, .parameter = parameter.name, .value = value, .lo = {}, .hi = {}, .identified = false};
  if (!std::isfinite(error)) return expected;
  const double reach = kQuantile * error;
  expected.lo = by_logarithm(parameter) ? value * std::exp(-reach) : value - reach;
  expected.hi = by_logarithm(parameter) ? value * std::exp(reach) : value + reach;
  if (!std::isfinite(*expected.hi)) expected.lo = expected.hi = std::nullopt;
  const bool may_be_zero = !by_logarithm(parameter) && parameter.name != "E";
  expected.identified = expected.hi && *expected.hi - *expected.lo <= (may_be_zero ? 1 : value / 2);
  return expected;
}

std::vector<Expected> identifies_law(const std::string& law, const std::vector<law::RunPoint>& points,
                                     const Assumed& assumed) {
  const auto centred = fit::make_problem(law, points);
  const std::vector<double> theta = centred->natural(assumed_values(*centred, assumed));
  const auto problem =
      fit::make_problem(law, points, false);  // A and B in natural units, correlated with their exponents
  const std::vector<double> errors = standard_errors(jacobian(*problem, theta), assumed.noise);
  std::vector<Expected> expected;
  for (std::size_t p = 0; p < theta.size(); ++p)
    expected.push_back(expected_of(law, problem->parameters()[p], theta[p], errors[p]));
  return expected;
}

}  // namespace

std::vector<std::string> law_names() {
  std::vector<std::string> names;
  for (const auto name : fit::names_of_laws(static_cast<law::Laws*>(nullptr))) names.emplace_back(name);
  return names;
}

std::vector<Expected> identifies(const std::vector<std::string>& laws, const std::vector<law::RunPoint>& points,
                                 const Assumed& assumed) {
  std::vector<Expected> expected;
  for (const auto& law : laws)
    for (auto& parameter : identifies_law(law, points, assumed)) expected.push_back(std::move(parameter));
  return expected;
}

Assumed assumed_for(const Experiment& experiment) {
  Assumed assumed;
  if (!experiment.opened) return assumed;
  std::vector<std::uint16_t> tokens(static_cast<std::size_t>(experiment.context) + 1);
  double sum = 0;
  const std::int64_t sequences =
      std::min(kFloorSequences, experiment.opened->validation_sequences_available(experiment.context));
  for (std::int64_t i = 0; i < sequences; ++i) {
    experiment.opened->validation_sequence(i, experiment.context, tokens.data());
    const auto entropy = experiment.opened->expected_entropy(tokens.data(), experiment.context);
    if (!entropy) return assumed;
    sum += *entropy;
  }
  assumed.floor = sum / static_cast<double>(sequences);
  return assumed;
}

std::vector<law::RunPoint> points_of(const std::vector<RunSpec>& runs) {
  std::vector<StoredRun> imagined;
  for (const auto& spec : runs) {
    StoredRun run;
    run.id = fmt::format("{}", imagined.size());
    run.spec = spec;
    run.record.status = "done";
    run.record.loss_val = 1;  // not used: only derivatives of the law are
    run.record.parameters = parameters_of(spec.shape);
    imagined.push_back(run);
  }
  return fit::points_from_runs(imagined).points;
}

}  // namespace vernier::plan
