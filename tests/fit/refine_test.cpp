#include <algorithm>

#include "fit/freedom.h"
#include "fit/search.h"
#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;

namespace {

constexpr double kWide = 1;  // no run is outside the quadratic part

struct Ready {
  explicit Ready(const std::vector<law::RunPoint>& points)
      : problem(make_problem("chinchilla", points)), setting(make_setting("chinchilla", *problem, {})) {
    for (std::size_t i = 0; i < points.size(); ++i) sample.rows.push_back(int(i)), sample.weights.push_back(1);
  }
  Descent best() const { return search(*problem, setting, sample, kWide, {}, 8, Stream(1), 1).best; }
  Descent refined(std::vector<double> theta) const {
    const double value = objective_of(*problem, sample, kWide, theta);
    return refine(*problem, setting.freedom, sample, kWide, {std::move(theta), value});
  }
  std::unique_ptr<Problem> problem;
  Setting setting;
  Sample sample;
};

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(a[k] / b[k] - 1));
  return largest;
}

}  // namespace

TEST_CASE("refine finds digits to which the objective is blind", "[fit][fast]") {
  const Ready ready(synthetic::runs(synthetic::chinchilla(), {16}, 0.004, 1));
  const Descent best = ready.best();
  std::vector<double> beside = best.theta;
  for (double& value : beside) value *= 1 + 1e-9;
  const Descent found = ready.refined(beside);
  CHECK(largest_difference(beside, best.theta) > 5e-10);
  CHECK(largest_difference(found.theta, best.theta) < 1e-11);
}

TEST_CASE("refine leaves alone what the data cannot tell", "[fit][fast]") {
  auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.004, 1);
  std::erase_if(points, [](const auto& p) { return p.tokens != 1e6; });  // E and B D^-beta are one constant
  const Ready ready(points);
  const std::vector<double> theta = ready.best().theta;
  CHECK(ready.refined(theta).theta == theta);
}

TEST_CASE("refine keeps a parameter at the bound where it lies", "[fit][fast]") {
  auto truth = synthetic::chinchilla();
  truth.parameters[0].value = 0;
  auto points = synthetic::runs(truth, {16}, 0.004, 1);
  for (auto& point : points) point.loss -= 0.5;  // an E below 0 would fit better
  const Ready ready(points);
  const Descent best = ready.best();
  REQUIRE(best.theta[0] == 0);
  CHECK(ready.refined(best.theta).theta[0] == 0);
}
