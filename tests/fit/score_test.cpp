// densing_score, the one law whose parameters are bound jointly: c + d <= 1.
#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

/// Scores of models with conditional losses from 0.2 to 4 nats; Gaussian noise of this deviation.
std::vector<law::RunPoint> scored(const FitSummary& truth, double noise, std::uint64_t seed) {
  std::vector<law::RunPoint> points;
  for (std::size_t k = 0; k < 40; ++k) {
    law::RunPoint point;
    point.run = std::to_string(k);
    point.params = 1e6 * std::pow(1.2, k), point.tokens = 1e9 * std::pow(1.1, k);
    point.loss = point.task_loss = 4 - 3.8 * double(k) / 39;
    point.task_accuracy = loss(truth, truth.values(), point) + noise * Stream(seed).normals(k + 1).back();
    points.push_back(point);
  }
  return points;
}

FitSummary score_law(double c, double d) {
  return synthetic::law_of("densing_score", {{"d", d}, {"c", c}, {"gamma", -2.5}, {"l", 1.8}});
}

}  // namespace

TEST_CASE("a score law is found again from its own scores", "[fit][fast]") {
  FitOptions options;
  options.bootstrap = 0;
  options.starts = 16;
  const auto found = fit::fit("densing_score", scored(score_law(0.6, 0.25), 0, 1), options).values();
  const auto truth = score_law(0.6, 0.25).values();
  for (std::size_t k = 0; k < truth.size(); ++k) CHECK_THAT(found[k], WithinRel(truth[k], 1e-4));
}

TEST_CASE("no fit of a score law has a ceiling above one, and none is worse than the truth", "[fit][fast]") {
  const FitSummary truth = score_law(0.75, 0.25);
  FitOptions options;
  options.bootstrap = 20;
  options.starts = 16;
  int at_ceiling = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const auto points = scored(truth, 0.02, seed);
    const FitSummary found = fit::fit("densing_score", points, options);
    for (auto parameters : found.bootstrap) CHECK(parameters[0] + parameters[1] <= 1 + 1e-12);
    CHECK(found.parameters[0].value + found.parameters[1].value <= 1 + 1e-12);
    at_ceiling += found.parameters[0].value + found.parameters[1].value > 1 - 1e-9;
    double of_truth = 0;
    for (const auto& point : points) {
      const double r = std::abs(loss(truth, truth.values(), point) - point.task_accuracy), delta = options.huber_delta;
      of_truth += r <= delta ? r * r / 2 : delta * (r - delta / 2);
    }
    CHECK(found.objective <= of_truth);
  }
  CHECK(at_ceiling > 0);  // otherwise nothing was held
}

TEST_CASE("where d is given, the ceiling bounds c, and two that are too high are refused", "[fit][fast]") {
  FitOptions options;
  options.bootstrap = 0;
  options.starts = 8;
  options.fix = {{"d", 0.4}};
  const auto found = fit::fit("densing_score", scored(score_law(0.75, 0.25), 0.02, 3), options);
  CHECK(found.parameters[0].value == 0.4);
  CHECK(found.parameters[1].value <= 0.6 + 1e-12);
  options.fix = {{"d", 0.4}, {"c", 0.7}};
  CHECK_THROWS_AS(fit::fit("densing_score", scored(score_law(0.75, 0.25), 0.02, 3), options), Error);
}
