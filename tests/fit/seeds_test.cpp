#include "fit/seeds.h"

#include <cmath>

#include "fit/fit.h"
#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::WithinRel;

namespace {

/// Every point of the grid with so many seeds, whose noise goes as N^exponent.
std::vector<law::RunPoint> replicated(int seeds, double exponent, std::uint64_t draw) {
  const auto law = synthetic::chinchilla();
  std::vector<law::RunPoint> points;
  const Stream stream(draw);
  for (const auto& point : synthetic::runs(law, {16}, 0, 1))
    for (int seed = 0; seed < seeds; ++seed) {
      points.push_back(point);
      points.back().seed = fmt::format("{}", seed);
      points.back().run += fmt::format("-{}", seed);
      const double sigma = 0.004 * std::pow(point.params / 1.5e4, exponent);
      points.back().loss *= std::exp(sigma * stream.normals(points.size())[0]);
    }
  return points;
}

}  // namespace

TEST_CASE("the noise of seeds is the pooled deviation of runs that differ in nothing else", "[fit][fast]") {
  const auto noise = seed_noise(replicated(4, 0, 1));
  REQUIRE(noise);
  CHECK(noise->cells == 25);
  CHECK(noise->degrees == 75);
  CHECK_THAT(noise->sigma, WithinRel(0.004, 0.25));
}

TEST_CASE("runs without a stated seed are no replicates", "[fit][fast]") {
  auto points = replicated(3, 0, 1);
  for (auto& point : points) point.seed.clear();
  CHECK_FALSE(seed_noise(points));
  CHECK_FALSE(seed_noise(replicated(1, 0, 1)));
}

TEST_CASE("noise that grows for small models is found and weighs runs, noise that does not leaves them alike",
          "[fit][fast]") {
  auto points = replicated(4, -0.5, 2);
  const auto noise = seed_noise(points);
  REQUIRE(noise);
  CHECK(noise->exponent < -0.3);
  CHECK(noise->exponent > -0.7);
  weigh_by(*noise, points);
  CHECK(points.front().weight < 0.5 * points.back().weight);
  auto alike = replicated(4, 0, 3);
  weigh_by({0.004, 0, 1.5e4, 25, 75}, alike);
  CHECK(alike.front().weight == 1);
}

TEST_CASE("weights by the noise of seeds bring the estimates nearer to the truth", "[fit]") {
  const double truth = 1.6;  // E
  double weighted = 0, alike = 0;
  for (std::uint64_t draw = 0; draw < 12; ++draw) {
    FitOptions options;
    options.bootstrap = 0;
    options.starts = 8;
    const auto points = replicated(3, -0.6, 10 + draw);
    weighted += std::pow(fit::fit("chinchilla", points, options).parameters[0].value - truth, 2);
    options.weigh_by_seeds = false;
    alike += std::pow(fit::fit("chinchilla", points, options).parameters[0].value - truth, 2);
  }
  CHECK(weighted < alike);
}
