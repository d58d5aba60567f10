#include "plan/design.h"

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>

#include "base/stream.h"
#include "catch.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::WithinRel;

namespace {

/// A straight line y = a + b x, one observation for each x; the slope b is asked for.
DesignTask line(const std::vector<double>& places, double budget) {
  DesignTask task;
  for (std::size_t i = 0; i < places.size(); ++i) {
    DesignOption option{i, 10, 2, 1, Eigen::MatrixXd(1, 2), {}};
    option.rows << 1, places[i];
    task.options.push_back(option);
  }
  task.seeds = 4;
  task.given = Eigen::MatrixXd(0, 2);
  task.prior = Eigen::VectorXd::Constant(2, 100);
  task.gradient = Eigen::Vector2d(0, 1);
  task.budget = budget;
  return task;
}

double variance_of(const DesignTask& task, const std::vector<Choice>& choices) {
  Eigen::MatrixXd M = task.given.transpose() * task.given;
  M.diagonal() += task.prior.cwiseAbs2().cwiseInverse();
  for (const Choice& choice : choices) {
    const auto& rows = task.options[choice.option].rows;
    M += rows.transpose() * rows;
  }
  return task.gradient.dot(M.ldlt().solve(task.gradient));
}

/// A random task that is small enough to try every subset of its runs.
DesignTask drawn(std::uint64_t seed) {
  const Stream stream(seed);
  DesignTask task;
  std::uint64_t counter = 0;
  const auto draw = [&] { return static_cast<double>(stream.below(1000, counter++)) / 1000; };
  for (std::size_t i = 0; i < 11; ++i) {
    const auto steps = static_cast<std::int64_t>(stream.below(20, counter++)) + 5;
    DesignOption option{i / 3, steps, steps / 4 + 1, 1 + static_cast<double>(i / 3), Eigen::MatrixXd(1 + i % 2, 3), {}};
    for (Eigen::Index k = 0; k < option.rows.size(); ++k) option.rows(k) = draw() - 0.3;
    task.options.push_back(option);
  }
  task.seeds = 1;
  task.given = Eigen::MatrixXd::Identity(1, 3) * 0.5;
  task.prior = Eigen::VectorXd::Constant(3, 3);
  task.gradient = Eigen::Vector3d(1, draw(), -draw());
  task.budget = 120;
  return task;
}

double best_by_trying(const DesignTask& task) {
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t subset = 0; subset < (std::size_t{1} << task.options.size()); ++subset) {
    std::vector<Choice> choices;
    for (std::size_t o = 0; o < task.options.size(); ++o)
      if (subset >> o & 1) choices.push_back({o, 0});
    if (cost_of(task, choices) <= task.budget) best = std::min(best, variance_of(task, choices));
  }
  return best;
}

}  // namespace

TEST_CASE("the slope of a line is best seen from its two ends", "[plan][fast]") {
  const DesignTask task = line({-1, -0.5, 0, 0.5, 1}, 6 * 12);
  const Design design = best_design(task);
  CHECK(design.choices == std::vector<Choice>{{0, 0}, {0, 1}, {0, 2}, {4, 0}, {4, 1}, {4, 2}});
  CHECK_THAT(design.variance, WithinRel(1 / 6.0, 1e-4));
  CHECK(design.cost == task.budget);
  for (const double flops : design.flops) CHECK(flops == 12);
}

TEST_CASE("what is given is not bought again, and runs that are there already are not proposed", "[plan][fast]") {
  DesignTask task = line({-1, 1}, 3 * 12);
  task.given = Eigen::MatrixXd(3, 2);
  task.given << 1, -1, 1, -1, 1, -1;
  task.options[1].not_seeds = {0, 2};
  CHECK(best_design(task).choices == std::vector<Choice>{{0, 0}, {1, 1}, {1, 3}});
}

TEST_CASE("the runs of a trunk pay for it once", "[plan][fast]") {
  DesignTask task = line({-1, 1}, 1e9);
  for (auto& option : task.options) option.track = 0;
  task.options[1].leave = 30;
  CHECK(cost_of(task, {{0, 0}}) == 12);
  CHECK(cost_of(task, {{0, 0}, {1, 0}}) == 30 + 2 + 2);
  CHECK(cost_of(task, {{0, 0}, {1, 1}}) == 12 + 32);
  const Design design = best_design(task);
  double sum = 0;
  for (const double flops : design.flops) sum += flops;
  CHECK(sum == design.cost);
  CHECK(design.choices.size() == 8);
}

TEST_CASE("a design keeps its budget and comes close to the best of all", "[plan][fast]") {
  double worst = 1;
  int exact = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const DesignTask task = drawn(seed);
    const Design design = best_design(task);
    CHECK(design.cost <= task.budget);
    CHECK_THAT(design.variance, WithinRel(variance_of(task, design.choices), 1e-9));
    CHECK_THAT(design.cost, WithinRel(cost_of(task, design.choices), 1e-12));
    const double ratio = design.variance / best_by_trying(task);
    CHECK(ratio >= 1 - 1e-9);
    worst = std::max(worst, ratio);
    exact += ratio < 1 + 1e-9;
  }
  INFO("worst " << worst << ", exact " << exact);
  CHECK(worst < 1.1);
  CHECK(exact >= 15);
}

TEST_CASE("a start that the budget allows is never made worse", "[plan][fast]") {
  DesignTask task = drawn(3);
  task.budget = 150;
  const std::vector<Choice> start{{2, 0}, {5, 0}, {7, 0}};
  REQUIRE(cost_of(task, start) <= task.budget);
  CHECK(best_design(task, {start}).variance <= variance_of(task, start));
}
