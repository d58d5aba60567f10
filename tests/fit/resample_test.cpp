#include "fit/resample.h"

#include <cmath>

#include "fit/fit.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

namespace {

std::vector<law::RunPoint> runs() {
  std::vector<law::RunPoint> points;
  for (const double params : {1e5, 4e5, 1.6e6, 6.4e6})
    for (const double tokens : {1e7, 4e7, 1.6e8, 6.4e8}) {
      law::RunPoint& point = points.emplace_back();
      point.run = fmt::format("run {}", points.size());
      point.params = params, point.tokens = tokens;
      const double noise = 0.005 * Stream(3).normals(points.size())[0];
      point.loss = (1.7 + 40 * std::pow(params, -0.3) + 300 * std::pow(tokens, -0.35)) * std::exp(noise);
    }
  return points;
}

fit::FitSummary fitted(const std::vector<law::RunPoint>& points, const fit::FitOptions& options) {
  return fit::fit("chinchilla", points, options);
}

}  // namespace

TEST_CASE("a second fit given the first one's draws sees the same resamples", "[fit][fast]") {
  fit::FitOptions options;
  options.bootstrap = 20;
  options.keep_draws = true;
  const auto first = fitted(runs(), options);
  REQUIRE(first.draws.has_value());
  CHECK(first.draws->runs.size() == 16);
  CHECK(first.draws->times.size() == 20);
  CHECK(first.drawn.size() == first.bootstrap.size());
  options.draws = first.draws;
  options.keep_draws = false;
  const auto second = fitted(runs(), options);
  CHECK(second.bootstrap == first.bootstrap);
  CHECK_FALSE(second.draws.has_value());
}

TEST_CASE("runs of one size count together as often as there are", "[fit][fast]") {
  fit::FitOptions options;
  options.bootstrap = 5;
  options.keep_draws = true;
  const auto points = runs();
  const auto summary = fitted(points, options);
  for (const auto& times : summary.draws->times) {
    std::map<double, double> by_size;
    for (std::size_t i = 0; i < times.size(); ++i) {
      const auto& name = summary.draws->runs[i];
      const auto found =
          std::find_if(points.begin(), points.end(), [&](const auto& point) { return point.run == name; });
      by_size[found->params] += times[i];
    }
    for (const auto& [params, sum] : by_size) CHECK_THAT(sum, WithinAbs(4, 1e-9));
  }
}

TEST_CASE("draws that do not name a run are refused", "[fit][fast]") {
  fit::FitOptions options;
  options.draws = fit::Draws{{"run 1"}, {{1.0}}};
  CHECK_THROWS_WITH(fitted(runs(), options), ContainsSubstring("do not name the run"));
}
