#include "fit/nested.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <thread>

#include "base/error.h"
#include "fit/bootstrap.h"
#include "fit/curvature.h"
#include "fit/search.h"
#include "fit/seeds.h"
#include "fit/select.h"

namespace vernier::fit {
namespace {

using law::RunPoint;

/// One form on one set of runs, searched.
struct Form {
  Setting setting;
  Search found;
};

Sample whole(const Problem& problem) {
  Sample sample;
  for (std::size_t i = 0; i < problem.points().size(); ++i) {
    sample.rows.push_back(int(i));
    sample.weights.push_back(problem.points()[i].weight);
  }
  return sample;
}

/// The points that both forms can describe.
std::vector<RunPoint> inside(const Nested& nested, const std::vector<RunPoint>& points) {
  const auto problem = nested.problem_of(points);
  const auto out = outside(*problem, nested.null(*problem)), too = outside(*problem, nested.alternative(*problem));
  std::vector<RunPoint> kept;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (!out[i] && !too[i]) kept.push_back(points[i]);
  return kept;
}

/// Objectives this small are rounding errors of runs without noise; nothing can be said of their ratio.
double statistic(double null, double alternative, std::size_t runs) {
  const double n = static_cast<double>(runs), least = n * 1e-18;
  return n * std::log(std::max({null, alternative, least}) / std::max(alternative, least));
}

/// The best end of short descents from each start, carried on.
Descent best_from(const Problem& problem, const Setting& setting, const Sample& sample, double delta,
                  const std::vector<std::vector<double>>& starts) {
  constexpr int kShort = 15, kLong = 100;
  Descent best;
  for (const auto& start : starts) {
    const Descent end = descend(problem, setting.freedom, sample, delta, start, kShort, 1e-5);
    if (end.objective < best.objective) best = end;
  }
  if (!std::isfinite(best.objective)) return best;
  return descend(problem, setting.freedom, sample, delta, best.theta, kLong, 1e-8);
}

/// Theta with what the setting fixes or ties put in place.
std::vector<double> constrained(const Setting& setting, std::vector<double> theta) {
  for (std::size_t g = 0; g < theta.size(); ++g) {
    const int u = setting.freedom.variable[g];
    theta[g] = u < 0 ? setting.theta[g] : theta[std::size_t(setting.freedom.parameter[std::size_t(u)])];
  }
  return theta;
}

std::vector<std::vector<double>> optima(const Search& found) {
  constexpr std::size_t kOptima = 2;
  std::vector<std::vector<double>> thetas{found.best.theta};
  for (const auto& end : different(found.ends, kOptima))
    if (end.objective > found.best.objective * (1 + 1e-4)) thetas.push_back(end.theta);
  return thetas;
}

/// Residuals of the null on their way to new losses.
class Redraw {
 public:
  Redraw(const Problem& problem, const Form& null) : problem_(problem) {
    const std::size_t n = problem.points().size();
    std::vector<double> derivatives(n * problem.locals());
    predicted_.resize(n);
    residual_.resize(n);
    std::vector<int> rows(n);
    for (std::size_t i = 0; i < n; ++i) rows[i] = int(i);
    problem.derivatives(null.found.best.theta, rows, predicted_.data(), derivatives.data());
    for (std::size_t i = 0; i < n; ++i)
      residual_[i] = -problem.residual_of(predicted_[i], problem.points()[i].loss) * certainty(i);
    share_out(rows);
    const double k = static_cast<double>(null.setting.freedom.size()), count = static_cast<double>(n);
    for (double& residual : residual_) residual *= std::sqrt(count / (count - k));
  }

  std::vector<RunPoint> points(std::vector<RunPoint> points, const Stream& stream) const {
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto& among = donors_[i] < 0 ? all_ : strata_[std::size_t(donors_[i])];
      const double e = residual_[std::size_t(among[stream.below(among.size(), i)])] / certainty(i);
      points[i].loss = problem_.residual() == law::Residual::Log ? predicted_[i] * std::exp(e) : predicted_[i] + e;
    }
    return points;
  }

 private:
  /// Small models may be noisier than large ones; the weight of a run says how much.
  double certainty(std::size_t i) const { return std::sqrt(problem_.points()[i].weight); }

  /// Few bits are noisier than many, so residuals stay with their precision where it has enough of them.
  void share_out(const std::vector<int>& rows) {
    constexpr std::size_t kEnough = 8;
    std::map<std::string, std::vector<int>> by_precision;
    for (const int row : rows) by_precision[problem_.points()[std::size_t(row)].precision].push_back(row);
    all_ = rows;
    donors_.assign(rows.size(), -1);
    centre(all_);
    for (auto& [precision, members] : by_precision) {
      if (members.size() < kEnough) continue;
      centre(members);
      for (const int row : members) donors_[std::size_t(row)] = int(strata_.size());
      strata_.push_back(members);
    }
  }
  void centre(const std::vector<int>& members) {
    double mean = 0;
    for (const int row : members) mean += residual_[std::size_t(row)] / static_cast<double>(members.size());
    for (const int row : members) residual_[std::size_t(row)] -= mean;
  }

  const Problem& problem_;
  std::vector<double> predicted_, residual_;
  std::vector<int> all_, donors_;
  std::vector<std::vector<int>> strata_;
};

/// T of runs made anew from the null; absent where a form has no finite optimum.
std::optional<double> drawn_statistic(const Nested& nested, const std::vector<RunPoint>& points, double delta,
                                      const std::vector<std::vector<double>>& null_starts,
                                      std::vector<std::vector<double>> alternative_starts) {
  const auto problem = nested.problem_of(points);
  const Sample sample = whole(*problem);
  const Setting null = nested.null(*problem), alternative = nested.alternative(*problem);
  const Descent less = best_from(*problem, null, sample, delta, null_starts);
  if (!std::isfinite(less.objective)) return std::nullopt;
  alternative_starts.push_back(less.theta);  // so that more freedom is never worse
  const Descent more = best_from(*problem, alternative, sample, delta, alternative_starts);
  if (!std::isfinite(more.objective)) return std::nullopt;
  return statistic(less.objective, more.objective, points.size());
}

double p_value(const Nested& nested, const NestedFit& comparison, const Form& null, const Form& alternative,
               double delta, std::int64_t draws, const Stream& stream, std::int64_t threads) {
  const Redraw redraw(*comparison.problem, null);
  const auto null_starts = optima(null.found), alternative_starts = optima(alternative.found);
  std::vector<std::optional<double>> drawn(static_cast<std::size_t>(draws));
  in_parallel(draws, threads, [&](std::int64_t k) {
    const auto points = redraw.points(comparison.points, stream.child(std::uint64_t(k)));
    drawn[std::size_t(k)] = drawn_statistic(nested, points, delta, null_starts, alternative_starts);
  });
  double as_far = 1, count = 1;
  for (const auto& T : drawn) {
    if (!T) continue;
    ++count;
    as_far += *T >= comparison.statistic;
  }
  return as_far / count;
}

/// Searches both forms; the one with more freedom starts from the other's optimum too.
std::pair<Form, Form> searched(const Nested& nested, const Problem& problem, const FitOptions& options,
                               const Stream& root, std::int64_t threads) {
  const Sample sample = whole(problem);
  Form null{nested.null(problem), {}}, alternative{nested.alternative(problem), {}};
  if (problem.points().size() <= alternative.setting.freedom.size())
    throw Error(fmt::format("expected more runs than the {} free parameters, got {}",
                            alternative.setting.freedom.size(), problem.points().size()));
  for (Form* form : {&null, &alternative})
    form->found =
        search(problem, form->setting, sample, options.huber_delta, {}, options.starts, root.child("starts"), threads);
  const auto improve = [&](Form& form, const std::vector<double>& start) {
    const Descent end = best_from(problem, form.setting, sample, options.huber_delta, {start});
    if (end.objective < form.found.best.objective) form.found.best = end;
  };
  improve(null, constrained(null.setting, alternative.found.best.theta));
  improve(alternative, null.found.best.theta);
  return {std::move(null), std::move(alternative)};
}

}  // namespace

NestedFit compare(const Nested& nested, std::vector<RunPoint> points, const FitOptions& options, std::int64_t draws) {
  const std::int64_t processors = std::max(1u, std::thread::hardware_concurrency());
  const std::int64_t threads = options.threads > 0 ? options.threads : processors;
  const Stream root{std::uint64_t(options.seed)};
  NestedFit result;
  points = in_one_order(std::move(points));
  if (const auto noise = seed_noise(points); noise && options.weigh_by_seeds) weigh_by(*noise, points);
  result.points = inside(nested, points);
  result.runs = std::int64_t(result.points.size());
  result.problem = nested.problem_of(result.points);
  const auto [null, alternative] = searched(nested, *result.problem, options, root, threads);
  result.statistic = statistic(null.found.best.objective, alternative.found.best.objective, result.points.size());
  result.alternative = result.problem->natural(alternative.found.best.theta);
  result.p = p_value(nested, result, null, alternative, options.huber_delta, draws, root.child("null"), threads);
  const Stream stream = root.child("bootstrap");
  const Times times =
      drawn_times(*result.problem, alternative.setting, alternative.found.best.theta, options.bootstrap, stream);
  for (const auto& replicate :
       bootstrap(*result.problem, alternative.setting, alternative.found, options.huber_delta, times, stream, threads))
    result.replicates.push_back(result.problem->natural(replicate.theta));
  const Curvature around = curvature(*result.problem, alternative.setting.freedom, whole(*result.problem).rows,
                                     alternative.found.best.theta);
  result.free.assign(result.alternative.size(), false);
  for (std::size_t g = 0; g < result.free.size(); ++g)
    if (const int u = alternative.setting.freedom.variable[g]; u >= 0) result.free[g] = around.free[std::size_t(u)];
  return result;
}

}  // namespace vernier::fit
