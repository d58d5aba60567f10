#include "fit/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <thread>

#include "base/check.h"
#include "fit/bootstrap.h"
#include "fit/dispatch.h"
#include "fit/holdout.h"
#include "fit/identified.h"
#include "fit/select.h"

namespace vernier::fit {
namespace {

using law::RunPoint;

/// One law on one set of runs, ready to be searched.
struct Task {
  std::vector<RunPoint> points;  ///< N and D as they are
  std::unique_ptr<Problem> problem;
  Setting setting;
  Sample sample;
  std::vector<Excluded> excluded;
};

void check(const FitOptions& options) {
  Problems problems;
  expect_positive(problems, "--huber", options.huber_delta);
  expect(problems, options.starts >= 1, "--starts", "at least 1", options.starts);
  expect(problems, options.bootstrap >= 0, "--bootstrap", "0 or more", options.bootstrap);
  refuse_if(problems);
}

std::size_t distinct(const std::vector<RunPoint>& points, double RunPoint::*member) {
  std::set<double> values;
  for (const auto& point : points) values.insert(point.*member);
  return values.size();
}

/// A precision law without a rounded run is another law.
void check_rounding(std::string_view law, const Task& task, Problems& problems) {
  const auto about_rounding = [](const law::Symbol& symbol) { return symbol.acts_on != law::ActsOn::All; };
  const bool is_precision_law = with_law(law, [&]<class Law>() {
    return law::target_of<Law>() == law::Target::Loss && !requires { Law::speaks_of_unrounded; }
    &&std::any_of(Law::symbols.begin(), Law::symbols.end(), about_rounding);
  });
  const auto& parameters = task.problem->parameters();
  if (is_precision_law &&
      std::none_of(parameters.begin(), parameters.end(), [&](const auto& p) { return about_rounding(p.symbol); }))
    problems.push_back(fmt::format("{}: no run is rounded in a part that this law looks at", law));
}

void check_design(std::string_view law, const Task& task) {
  const auto& points = task.problem->points();
  const std::size_t free = task.setting.freedom.size();
  Problems problems;
  expect(problems, points.size() > free, law, fmt::format("more runs than its {} free parameters", free),
         points.size());
  check_rounding(law, task, problems);
  if (target_of(law) != law::Target::TaskScore) {
    expect(problems, distinct(points, &RunPoint::params) >= 2, fmt::format("{}: N", law), "at least 2 different values",
           distinct(points, &RunPoint::params));
    expect(problems, distinct(points, &RunPoint::tokens) >= 2, fmt::format("{}: D", law), "at least 2 different values",
           distinct(points, &RunPoint::tokens));
  }
  if (!problems.empty() && !task.excluded.empty())
    problems.push_back(fmt::format("{}: {} runs lie outside this law; the first, {}: {}", law, task.excluded.size(),
                                   task.excluded.front().run, task.excluded.front().why));
  refuse_if(problems);
}

Task make_task(std::string_view law, std::vector<RunPoint> points, const FitOptions& options) {
  const bool centred = !fixes_scaled_parameter(law, options);
  Task task;
  task.points = std::move(points);
  task.problem = make_problem(law, task.points, centred);
  task.setting = make_setting(law, *task.problem, options);
  if (const auto is_outside = outside(*task.problem, task.setting);
      std::find(is_outside.begin(), is_outside.end(), true) != is_outside.end()) {
    std::vector<RunPoint> inside;
    for (std::size_t i = 0; i < task.points.size(); ++i) {
      if (is_outside[i])
        task.excluded.push_back({task.points[i].run, why_outside(law, task.points[i])});
      else
        inside.push_back(task.points[i]);
    }
    task.points = std::move(inside);
    task.problem = make_problem(law, task.points, centred);
    task.setting = make_setting(law, *task.problem, options);
  }
  check_design(law, task);
  for (std::size_t i = 0; i < task.problem->points().size(); ++i) {
    task.sample.rows.push_back(int(i));
    task.sample.weights.push_back(task.problem->points()[i].weight);
  }
  return task;
}

/// Residuals for rms and the information criteria (Gaussian residuals, their variance one more parameter), differences
/// for R^2.
void add_quality(FitSummary& summary, const Task& task, const std::vector<double>& theta) {
  const auto& points = task.problem->points();
  std::vector<double> predicted(points.size()), derivatives(points.size() * task.problem->locals());
  task.problem->derivatives(theta, task.sample.rows, predicted.data(), derivatives.data());
  const auto n = static_cast<double>(points.size());
  double mean = 0, square_residual = 0, square = 0, spread = 0;
  for (const auto& point : points) mean += point.loss / n;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double residual = task.problem->residual_of(predicted[i], points[i].loss);
    square_residual += residual * residual;
    square += (predicted[i] - points[i].loss) * (predicted[i] - points[i].loss);
    spread += (points[i].loss - mean) * (points[i].loss - mean);
  }
  summary.rms_log = std::sqrt(square_residual / n);
  summary.r2 = 1 - square / spread;
  const double unknowns = static_cast<double>(task.setting.freedom.size()) + 1;
  const double fit_term = n * (std::log(2 * M_PI * std::max(square_residual / n, 1e-300)) + 1);
  summary.aic = fit_term + 2 * unknowns;
  summary.bic = fit_term + std::log(n) * unknowns;
}

void add_starts(FitSummary& summary, const Task& task, const Search& found) {
  const auto shape = [&](const Descent& point) {
    const auto natural = task.problem->natural(point.theta);
    return std::vector<double>(natural.begin() + std::ptrdiff_t(task.problem->coefficients()), natural.end());
  };
  for (std::size_t k = 0; k < found.ends.size(); ++k)
    summary.starts.push_back({shape(found.begins[k]), shape(found.ends[k]), found.ends[k].objective});
  summary.starts_at_best = found.at_best;
  summary.stop = found.stop;
}

/// Names and values; the intervals of the replicates where there are any.
void add_parameters(FitSummary& summary, const Task& task, const Search& found, std::int64_t threads) {
  const auto& parameters = task.problem->parameters();
  for (const auto& parameter : parameters) {
    summary.symbols.push_back(parameter.name);
    if (parameter.symbol.per != law::Per::All) summary.labels[parameter.name] = parameter.label;
  }
  const Curvature around = curvature(*task.problem, task.setting.freedom, task.sample.rows, found.best.theta);
  summary.condition = around.condition;
  const auto as_they_are = make_problem(summary.law, task.points, false);
  summary.parameters = intervals(*task.problem, *as_they_are, task.setting, found, task.sample, summary.huber_delta,
                                 summary.bootstrap, around, threads);
}

/// Of every run once, whatever its weight in the search.
double plain_objective(const Task& task, double delta, const std::vector<double>& theta) {
  Sample plain = task.sample;
  plain.weights.assign(plain.rows.size(), 1.0);
  return objective_of(*task.problem, plain, delta, theta);
}

Draws named(const Times& times, const Task& task) {
  Draws draws;
  for (const auto& point : task.points) draws.runs.push_back(point.run);
  draws.times = times;
  return draws;
}

/// The given draws in the order of the task's runs. Throws Error where a run is not among them.
Times times_from(const Draws& draws, const Task& task) {
  std::map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < draws.runs.size(); ++i) place[draws.runs[i]] = i;
  Times times(draws.times.size());
  for (const auto& point : task.points) {
    const auto found = place.find(point.run);
    if (found == place.end())
      throw Error(fmt::format("bootstrap: the draws given do not name the run '{}'", point.run));
    for (std::size_t k = 0; k < times.size(); ++k) times[k].push_back(draws.times[k][found->second]);
  }
  return times;
}

void add_bootstrap(FitSummary& summary, const Task& task, const Search& found, const FitOptions& options,
                   std::int64_t threads) {
  const Stream stream = Stream{std::uint64_t(options.seed)}.child("bootstrap");
  const Times times = options.draws
                          ? times_from(*options.draws, task)
                          : drawn_times(*task.problem, task.setting, found.best.theta, options.bootstrap, stream);
  for (const auto& replicate :
       bootstrap(*task.problem, task.setting, found, options.huber_delta, times, stream, threads)) {
    summary.bootstrap.push_back(task.problem->natural(replicate.theta));
    summary.drawn.push_back(replicate.draw);
  }
  if (options.keep_draws) summary.draws = named(times, task);
}

FitSummary estimate(std::string_view law, const Task& task, const FitOptions& options, std::int64_t threads,
                    bool with_bootstrap) {
  const Stream root{std::uint64_t(options.seed)};
  const auto starts = options.start_grid.empty() ? std::vector<std::vector<double>>()
                                                 : start_points(law, *task.problem, task.setting, options);
  const Search found = search(*task.problem, task.setting, task.sample, options.huber_delta, starts, options.starts,
                              root.child("starts"), threads);
  FitSummary summary;
  summary.law = law;
  summary.rows = std::int64_t(task.problem->points().size());
  summary.huber_delta = options.huber_delta;
  summary.objective = plain_objective(task, options.huber_delta, found.best.theta);
  summary.excluded = task.excluded;
  summary.free_parameters = std::int64_t(task.setting.freedom.size());
  add_quality(summary, task, found.best.theta);
  add_starts(summary, task, found);
  if (with_bootstrap) add_bootstrap(summary, task, found, options, threads);
  add_parameters(summary, task, found, threads);
  return summary;
}

double residual(std::string_view law, double predicted, double observed) {
  const bool log = with_law(law, []<class Law>() { return law::residual_of<Law>() == law::Residual::Log; });
  return log ? std::log(predicted) - std::log(observed) : predicted - observed;
}

/// Residuals of runs held out, from fits without them, over all splits of the rule.
Holdout holdout(std::string_view law, const std::vector<RunPoint>& points, const std::string& rule,
                const FitOptions& options, std::int64_t threads) {
  Holdout result;
  double square = 0;
  for (const Split& parts : splits(points, rule, Stream{std::uint64_t(options.seed)}.child("holdout"))) {
    const FitSummary without = estimate(law, make_task(law, parts.fitted, options), options, threads, false);
    for (const auto& point : parts.held_out) {
      const double error = residual(law, loss(without, without.values(), point), point.loss);
      const bool inside = std::isfinite(error);
      (inside ? result.rows : result.outside) += 1;
      if (inside) square += error * error;
    }
  }
  if (result.rows > 0) result.rms_log = std::sqrt(square / static_cast<double>(result.rows));
  return result;
}

/// Those of options.holdouts that these data allow.
void add_holdouts(FitSummary& summary, const std::vector<RunPoint>& points, const FitOptions& options,
                  std::int64_t threads) {
  for (const auto& rule : options.holdouts) {
    try {
      summary.holdouts[rule] =
          rule == options.holdout ? *summary.holdout : holdout(summary.law, points, rule, options, threads);
    } catch (const Error&) {  // too few sizes, amounts of data or precisions to do without one
    }
  }
}

/// The law of the loss before quantization, fitted to the models that were quantized: kumar_joint where some were
/// rounded in training, else chinchilla; none where these do not suffice for it.
void add_base(FitSummary& summary, const std::vector<RunPoint>& quantized, FitOptions options) {
  std::map<std::string, RunPoint> before;
  for (const auto& point : quantized) {
    const auto key = fmt::format("{} {} {} {}", point.params, point.tokens, point.precision, point.loss_before);
    RunPoint& trained = before.try_emplace(key, point).first->second;
    trained.loss = point.loss_before;
    trained.post = RunPoint().post;
    trained.method.clear();
  }
  std::vector<RunPoint> points;
  for (const auto& [key, point] : before) points.push_back(point);
  const bool rounded = std::any_of(points.begin(), points.end(), law::is_rounded);
  options.fix.clear(), options.ties.clear(), options.free.clear(), options.holdout.clear(), options.holdouts.clear();
  try {
    summary.base.push_back(fit(rounded ? law::KumarJoint::name : law::Chinchilla::name, points, options));
  } catch (const Error&) {
  } catch (const Failure&) {
  }
}

std::string what_is_missing(law::Target target) {
  if (target == law::Target::PostTraining)
    return "no row of a model quantized after training, with its loss before (post_weights or post_bits, loss_before)";
  if (target == law::Target::TaskScore) return "no row with task_loss and task_accuracy";
  return "no row of a trained model";
}

}  // namespace

std::vector<std::string> law_names() {
  std::vector<std::string> names;
  for (const auto name : names_of_laws(static_cast<law::Laws*>(nullptr))) names.emplace_back(name);
  return names;
}

FitSummary fit(std::string_view law, const std::vector<RunPoint>& points, const FitOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  check(options);
  const std::int64_t processors = std::max(1u, std::thread::hardware_concurrency());
  const std::int64_t threads = options.threads > 0 ? options.threads : processors;
  auto ordered = in_one_order(points_for(law, points));
  if (ordered.empty()) throw Error(fmt::format("{}: {}", law, what_is_missing(target_of(law))));
  const auto noise = seed_noise(ordered);
  if (noise && options.weigh_by_seeds) weigh_by(*noise, ordered);
  FitSummary summary = estimate(law, make_task(law, ordered, options), options, threads, true);
  summary.seed_noise = noise;
  if (!options.holdout.empty()) summary.holdout = holdout(law, ordered, options.holdout, options, threads);
  add_holdouts(summary, ordered, options, threads);
  if (options.with_base && target_of(law) == law::Target::PostTraining) add_base(summary, ordered, options);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return summary;
}

}  // namespace vernier::fit
