// The optimum that the search finds against the best of ten thousand random starts of a generic solver: Ceres' L-BFGS
// over all parameters at once, without variable projection, on the same objective.
#include <ceres/ceres.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "base/stream.h"
#include "fit/fit.h"
#include "fit/freedom.h"
#include "fit/problem.h"
#include "fit/solver.h"
#include "refdata.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;

namespace {

const auto kRefdata = shared_folder() / "refdata";

/// The objective over logarithms of the parameters, over offsets as they are.
class Objective final : public ceres::FirstOrderFunction {
 public:
  Objective(const Problem& problem, const Setting& setting, double delta)
      : problem_(problem), setting_(setting), delta_(delta) {
    for (std::size_t i = 0; i < problem.points().size(); ++i) rows_.push_back(int(i));
  }

  int NumParameters() const override { return int(setting_.freedom.size()); }

  std::vector<double> theta(const double* x) const {
    std::vector<double> all = setting_.theta;
    for (std::size_t g = 0; g < all.size(); ++g)
      if (const int u = setting_.freedom.variable[g]; u >= 0) all[g] = by_log(g) ? std::exp(x[u]) : x[u];
    return all;
  }

  bool Evaluate(const double* x, double* value, double* gradient) const override {
    const auto all = theta(x);
    const std::size_t locals = problem_.locals();
    std::vector<double> predicted(rows_.size()), derivatives(rows_.size() * locals);
    problem_.derivatives(all, rows_, predicted.data(), derivatives.data());
    *value = 0;
    if (gradient) std::fill_n(gradient, NumParameters(), 0.0);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!problem_.is_valid(predicted[i])) return false;
      const double r = problem_.residual_of(predicted[i], problem_.points()[i].loss);
      *value += kUnit * huber(r, delta_);
      if (!gradient) continue;
      const double pull = kUnit * std::clamp(r, -delta_, delta_) * problem_.slope_at(predicted[i]);
      const auto local = problem_.local_of(i);
      for (std::size_t k = 0; k < locals; ++k) {
        const int u = local[k] < 0 ? -1 : setting_.freedom.variable[std::size_t(local[k])];
        if (u >= 0) gradient[u] += pull * derivatives[i * locals + k] * scale(std::size_t(local[k]), all);
      }
    }
    const bool slopes =
        !gradient || std::all_of(gradient, gradient + NumParameters(), [](double g) { return std::isfinite(g); });
    return std::isfinite(*value) && slopes;
  }

  /// Drawn from the start ranges of LAWS.md, E from below the smallest loss.
  std::vector<double> start(const Stream& stream) const {
    double lowest = 1e300;
    for (const auto& point : problem_.points()) lowest = std::min(lowest, point.loss);
    std::vector<double> x;
    for (std::size_t u = 0; u < setting_.freedom.size(); ++u) {
      const auto g = std::size_t(setting_.freedom.parameter[u]);
      const auto& parameter = problem_.parameters()[g];
      double low = parameter.symbol.start_lowest, high = parameter.symbol.start_highest;
      if (parameter.name == "E") low = 0.01 * lowest, high = 0.95 * lowest;
      const double share = stream.uniform(u);
      x.push_back(by_log(g) ? std::log(low) + share * std::log(high / low) : low + share * (high - low));
    }
    return x;
  }

  static constexpr double kUnit = 1e4;  // Ceres stops on absolute changes too

 private:
  bool by_log(std::size_t g) const { return problem_.parameters()[g].symbol.lowest >= 0; }
  double scale(std::size_t g, const std::vector<double>& all) const { return by_log(g) ? all[g] : 1; }

  const Problem& problem_;
  const Setting& setting_;
  double delta_;
  std::vector<int> rows_;
};

double best_of_random_starts(std::string_view law, const std::vector<law::RunPoint>& points, double delta, int starts) {
  const auto problem = make_problem(law, points);
  const Setting setting = make_setting(law, *problem, {});
  ceres::GradientProblemSolver::Options options;
  options.logging_type = ceres::SILENT;
  options.max_num_iterations = 300;
  options.function_tolerance = 1e-12;
  options.gradient_tolerance = 1e-12;
  std::atomic<int> next = 0;
  std::mutex mutex;
  double best = INFINITY;
  const auto work = [&] {
    const ceres::GradientProblem generic(new Objective(*problem, setting, delta));
    const Objective objective(*problem, setting, delta);
    for (int k = next++; k < starts; k = next++) {
      auto x = objective.start(Stream(3).child(std::uint64_t(k)));
      double value = 0;
      if (!objective.Evaluate(x.data(), &value, nullptr)) continue;
      ceres::GradientProblemSolver::Summary summary;
      ceres::Solve(options, generic, x.data(), &summary);
      if (!objective.Evaluate(x.data(), &value, nullptr)) continue;
      const std::lock_guard lock(mutex);
      best = std::min(best, value / Objective::kUnit);
    }
  };
  std::thread other(work);
  work();
  other.join();
  return best;
}

void check_never_worse(std::string_view law, const std::vector<law::RunPoint>& points, double delta = 1e-3) {
  constexpr int kStarts = 10000;
  FitOptions options;
  options.bootstrap = 0;
  options.huber_delta = delta;
  const double ours = fit::fit(law, points, options).objective;
  const double theirs = best_of_random_starts(law, points, delta, kStarts);
  INFO(law << " on " << points.size() << " rows: " << ours << " and " << theirs);
  CHECK(std::isfinite(theirs));
  CHECK(ours <= theirs * (1 + 1e-9));
}

std::vector<law::RunPoint> table(const char* file, const char* map, const char* where) {
  ReadOptions options;
  options.map = parse_map(map);
  options.where = where;
  return read_data((kRefdata / file).string(), options).points;
}

}  // namespace

TEST_CASE("chinchilla's optimum is no worse than ten thousand random starts of L-BFGS on published runs",
          "[verification][slow]") {
  SKIP_WITHOUT(kRefdata);
  const char* gadre = "n_non_embedding=params,tokens=tokens,loss_val=loss_c4_val";
  for (const char* set : {"c4_original", "rpj", "rw_original"})
    check_never_worse("chinchilla", table("gadre_models.csv", gadre, fmt::format("train_dataset=={}", set).c_str()));
  const char* quartet = "n_non_embedding=N_nonemb,tokens=D_tokens,loss_val=loss_c4_val";
  const auto bf16 = table("quartet_fwd_bwd_loss.csv", quartet, "fwd_format==BF16 && bwd_format==BF16");
  check_never_worse("chinchilla", bf16);
  check_never_worse("chinchilla", bf16, 1e-4);
  check_never_worse("chinchilla_outer", bf16, 1e-4);
  check_never_worse("kaplan", bf16);
}

TEST_CASE("precision laws' optima are no worse than ten thousand random starts of L-BFGS on published runs",
          "[verification][slow]") {
  SKIP_WITHOUT(kRefdata);
  const auto points = refdata::quest(kRefdata / "quest_N_D_P_loss.csv", 2, true);
  for (const char* law : {"free_eff", "power_eff", "kumar_tied", "kumar_weights"}) check_never_worse(law, points);
}
