#include "plan/identify.h"

#include <Eigen/Dense>
#include <cmath>
#include <map>

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::WithinRel;

namespace {

/// Sizes and token counts over two decades each, independently varied unless `ratio` ties D to N.
std::vector<law::RunPoint> grid_of(const std::vector<double>& bits, double ratio = 0) {
  std::vector<law::RunPoint> points;
  for (const double n : {1e4, 1e5, 1e6})
    for (const double d : {1e6, 1e7, 1e8})
      for (const double b : bits) {
        law::RunPoint point{.run = "",
                            .params = n,
                            .tokens = ratio > 0 ? ratio * n : d,
                            .loss = 1,
                            .weights = {},
                            .activations = {},
                            .kv = {},
                            .precision = "baseline",
                            .weight = 1};
        if (b < 16) {
          const std::string number = fmt::format("int{}", b);
          point.weights = point.activations = point.kv = {.rounded = true, .bits = b, .number = number, .stated = true};
          point.precision = fmt::format("{0} {0} {0}", number);
        }
        points.push_back(point);
      }
  return points;
}

std::map<std::string, Expected> by_name(const std::vector<Expected>& expected) {
  std::map<std::string, Expected> named;
  for (const auto& parameter : expected) named[parameter.parameter] = parameter;
  return named;
}

double width(const Expected& parameter) { return *parameter.hi - *parameter.lo; }

}  // namespace

TEST_CASE("intervals are those of the inverse of J^T J with derivatives by differences", "[plan][fast]") {
  const Assumed assumed{.noise = 0.003, .floor = 2, .reducible = 0.2, .exponent = 0.35, .gamma = 2};
  const auto points = grid_of({16});
  const auto found = identifies({"chinchilla"}, points, assumed);
  Eigen::VectorXd theta(5);  // E, then logarithms of A, B, alpha, beta
  for (int p = 0; p < 5; ++p) theta[p] = p == 0 ? found[0].value : std::log(found[static_cast<std::size_t>(p)].value);
  const auto log_loss = [](const Eigen::VectorXd& t, const law::RunPoint& run) {
    return std::log(t[0] + std::exp(t[1] - std::exp(t[3]) * std::log(run.params)) +
                    std::exp(t[2] - std::exp(t[4]) * std::log(run.tokens)));
  };
  Eigen::MatrixXd J(static_cast<Eigen::Index>(points.size()), 5);
  for (Eigen::Index i = 0; i < J.rows(); ++i)
    for (int p = 0; p < 5; ++p) {
      const Eigen::VectorXd step = Eigen::VectorXd::Unit(5, p) * 1e-5;
      const auto& run = points[static_cast<std::size_t>(i)];
      J(i, p) = (log_loss(theta + step, run) - log_loss(theta - step, run)) / 2e-5;
    }
  const Eigen::MatrixXd covariance = (J.transpose() * J).inverse() * assumed.noise * assumed.noise;
  CHECK_THAT(width(found[0]), WithinRel(2 * 1.6448536 * std::sqrt(covariance(0, 0)), 1e-4));
  for (int p = 1; p < 5; ++p) {
    const Expected& parameter = found[static_cast<std::size_t>(p)];
    CHECK_THAT(std::log(*parameter.hi / *parameter.lo), WithinRel(2 * 1.6448536 * std::sqrt(covariance(p, p)), 1e-4));
  }
}

TEST_CASE("intervals grow in proportion to the noise and shrink with the root of the runs", "[plan][fast]") {
  const auto points = grid_of({16, 4, 6});
  auto four_times = points;
  for (int i = 0; i < 3; ++i) four_times.insert(four_times.end(), points.begin(), points.end());
  const Assumed quiet{.noise = 1e-4}, loud{.noise = 2e-4};
  const auto a = by_name(identifies({"kumar_tied"}, points, quiet)),
             b = by_name(identifies({"kumar_tied"}, points, loud)),
             c = by_name(identifies({"kumar_tied"}, four_times, loud));
  for (const char* name : {"E", "alpha", "gamma", "n"}) {
    CHECK_THAT(width(b.at(name)), WithinRel(2 * width(a.at(name)), 1e-2));
    CHECK_THAT(width(c.at(name)), WithinRel(width(a.at(name)), 1e-2));
  }
}

TEST_CASE("a law with every part at the same bits leaves the parts' constants free, in those words", "[plan][fast]") {
  const auto found = by_name(identifies({"kumar_joint"}, grid_of({16, 4, 6}), Assumed{.noise = 1e-3}));
  for (const char* name : {"gamma_w", "n_w", "gamma_a", "n_a", "gamma_kv", "n_kv"}) {
    CHECK_FALSE(found.at(name).identified);
    CHECK_FALSE(found.at(name).lo);
  }
  CHECK(found.at("E").identified);
  CHECK(found.at("alpha").lo);
}

TEST_CASE("one precision does not identify two constants, two precisions do", "[plan][fast]") {
  CHECK_FALSE(by_name(identifies({"kumar_tied"}, grid_of({16, 4}), Assumed{.noise = 1e-4})).at("gamma").lo);
  CHECK(by_name(identifies({"kumar_tied"}, grid_of({16, 4, 6}), Assumed{.noise = 1e-4})).at("gamma").identified);
}

TEST_CASE("tokens in a fixed ratio to parameters identify no exponent when both are alike", "[plan][fast]") {
  const auto found = by_name(identifies({"chinchilla"}, grid_of({16}, 20), Assumed{.noise = 1e-4}));
  CHECK_FALSE(found.at("alpha").identified);
  CHECK_FALSE(found.at("A").identified);
  CHECK(by_name(identifies({"chinchilla"}, grid_of({16}), Assumed{.noise = 1e-4})).at("alpha").identified);
}

TEST_CASE("fewer runs than parameters identify nothing that needs them all", "[plan][fast]") {
  auto points = grid_of({16});
  points.resize(2);
  for (const auto& parameter : identifies({"chinchilla"}, points, Assumed{})) CHECK_FALSE(parameter.identified);
}

TEST_CASE("constants of each format are foreseen one by one, and parameters that act on no run are left out",
          "[plan][fast]") {
  const auto found = by_name(identifies({"free_eff", "kumar_weights"}, grid_of({16, 4}), Assumed{.noise = 1e-3}));
  CHECK(found.at("eff_int4").identified);
  CHECK_THAT(found.at("eff_int4").value, WithinRel(std::pow(1 - std::exp(-2.0), 3), 1e-12));
  CHECK_FALSE(by_name(identifies({"kumar_weights"}, grid_of({16}), Assumed{})).contains("gamma_w"));
  CHECK_THROWS_AS(identifies({"none"}, grid_of({16}), Assumed{}), Error);
}

TEST_CASE("runs of a grid become points with their bits and the parameters outside embeddings", "[plan][fast]") {
  const auto points = points_of(runs_of(read(kSmall)));
  REQUIRE(points.size() == 18);
  CHECK_FALSE(points[0].weights.rounded);
  CHECK(points[3].weights.bits == 4);
  CHECK(points[3].kv.rounded);
  CHECK(points[0].params == 2 * (4 * 32 * 32 + 3 * 32 * 96) + 5 * 32);
}

TEST_CASE("the floor that a corpus knows is the one assumed", "[plan][fast]") {
  const Experiment experiment = read(kSmall);
  const double floor = assumed_for(experiment).floor;
  CHECK(floor > 0.3);
  CHECK(floor < std::log(32.0));
  CHECK(floor != Assumed().floor);
}
