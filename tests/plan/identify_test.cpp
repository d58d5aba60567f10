#include "plan/identify.h"

#include <Eigen/Dense>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "catch.h"
#include "law/laws.h"
#include "plan/example.h"
#include "plan/grid.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;

namespace {

/// Sizes and token counts over two decades each, independently varied unless `ratio` ties D to N.
std::vector<law::RunPoint> grid_of(const std::vector<double>& bits, double ratio = 0) {
  std::vector<law::RunPoint> points;
  for (const double n : {1e4, 1e5, 1e6})
    for (const double d : {1e6, 1e7, 1e8})
      for (const double b : bits) {
        law::RunPoint point;
        point.params = n;
        point.tokens = ratio > 0 ? ratio * n : d;
        point.loss = 1;
        if (b < 16) {
          const std::string number = fmt::format("int{}", b);
          point.weights = point.activations = point.kv = {.rounded = true,
                                                          .bits = b,
                                                          .number = number,
                                                          .stated = true,
                                                          .gaussian_error = std::pow(4, -b),
                                                          .group = 8 * b * b,
                                                          .exponent_bits = b / 2,
                                                          .mantissa_bits = b * b / 16};
          point.precision = point.forward = point.backward = fmt::format("{0} {0} {0}", number);
        }
        points.push_back(point);
      }
  return points;
}

std::vector<Expected> identifies(const std::vector<std::string>& laws, const std::vector<law::RunPoint>& points,
                                 const Assumed& assumed, const fit::FitOptions& options = {}) {
  return foresee(laws, points, assumed, options).identifies;
}

std::map<std::string, Expected> by_name(const std::vector<Expected>& expected) {
  std::map<std::string, Expected> named;
  for (const auto& parameter : expected) named[parameter.parameter] = parameter;
  return named;
}

Assumed with_noise(double noise) {
  Assumed assumed;
  assumed.noise = noise;
  return assumed;
}

double width(const Expected& parameter) { return *parameter.hi - *parameter.lo; }

}  // namespace

TEST_CASE("intervals are those of the inverse of J^T J with derivatives by differences", "[plan][fast]") {
  const Assumed assumed{.noise = 0.003, .floor = 2, .reducible = 0.2, .exponent = 0.35, .gamma = 2, .fits = {}};
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
  const Assumed quiet = with_noise(1e-4), loud = with_noise(2e-4);
  const auto a = by_name(identifies({"kumar_tied"}, points, quiet)),
             b = by_name(identifies({"kumar_tied"}, points, loud)),
             c = by_name(identifies({"kumar_tied"}, four_times, loud));
  for (const char* name : {"E", "alpha", "gamma", "n"}) {
    CHECK_THAT(width(b.at(name)), WithinRel(2 * width(a.at(name)), 1e-2));
    CHECK_THAT(width(c.at(name)), WithinRel(width(a.at(name)), 1e-2));
  }
}

TEST_CASE("a law with every part at the same bits leaves the parts' constants free, in those words", "[plan][fast]") {
  const auto found = by_name(identifies({"kumar_joint"}, grid_of({16, 4, 6}), with_noise(1e-3)));
  for (const char* name : {"gamma_w", "n_w", "gamma_a", "n_a", "gamma_kv", "n_kv"}) {
    CHECK_FALSE(found.at(name).identified);
    CHECK_FALSE(found.at(name).lo);
  }
  CHECK(found.at("E").identified);
  CHECK(found.at("alpha").lo);
}

TEST_CASE("one precision does not identify two constants, two precisions do", "[plan][fast]") {
  CHECK_FALSE(by_name(identifies({"kumar_tied"}, grid_of({16, 4}), with_noise(1e-4))).at("gamma").lo);
  CHECK(by_name(identifies({"kumar_tied"}, grid_of({16, 4, 6}), with_noise(1e-4))).at("gamma").identified);
}

TEST_CASE("tokens in a fixed ratio to parameters identify no exponent when both are alike", "[plan][fast]") {
  const auto found = by_name(identifies({"chinchilla"}, grid_of({16}, 20), with_noise(1e-4)));
  CHECK_FALSE(found.at("alpha").identified);
  CHECK_FALSE(found.at("A").identified);
  CHECK(by_name(identifies({"chinchilla"}, grid_of({16}), with_noise(1e-4))).at("alpha").identified);
}

TEST_CASE("fewer runs than parameters identify nothing that needs them all", "[plan][fast]") {
  auto points = grid_of({16});
  points.resize(2);
  for (const auto& parameter : identifies({"chinchilla"}, points, Assumed{})) CHECK_FALSE(parameter.identified);
}

TEST_CASE("constants of each format are foreseen one by one, and parameters that act on no run are left out",
          "[plan][fast]") {
  const auto found = by_name(identifies({"free_eff", "kumar_weights"}, grid_of({16, 4}), with_noise(1e-3)));
  CHECK(found.at("eff_int4").identified);
  CHECK_THAT(found.at("eff_int4").value, WithinRel(std::pow(1 - std::exp(-2.0), 3), 1e-12));
  CHECK_FALSE(by_name(identifies({"kumar_weights"}, grid_of({16}), Assumed{})).contains("gamma_w"));
  CHECK_THROWS_AS(identifies({"none"}, grid_of({16}), Assumed{}), Error);
}

TEMPLATE_LIST_TEST_CASE("every symbol of every law has an assumed value inside its admissible range", "[plan][fast]",
                        law::Laws) {
  const std::vector<law::RunPoint> points = grid_of({4});
  for (const law::Symbol& symbol : TestType::symbols) {
    INFO(TestType::name << " " << symbol.name);
    REQUIRE(has_assumed_value(TestType::name, symbol.name));
    const fit::Parameter parameter{std::string(symbol.name), symbol, law::label_of(symbol, points[0])};
    const double value = assumed_value(TestType::name, parameter, points, Assumed());
    CHECK(value >= symbol.lowest);
    CHECK(value <= symbol.highest);
    if (symbol.usual) CHECK(value == *symbol.usual);
  }
}

TEST_CASE("every law of the loss of trained models is foreseen, with finite intervals where the runs vary enough",
          "[plan][fast]") {
  const auto points = grid_of({16, 3, 4, 5, 6, 8});
  for (const char* law : {"kaplan", "chinchilla", "chinchilla_outer", "gadre", "kumar_weights", "kumar_tied",
                          "power_eff", "gmse", "free_eff", "float_bits", "qat_group"}) {
    INFO(law);
    const Foreseen foreseen = foresee({law}, points, with_noise(1e-5));
    CHECK(foreseen.not_foreseen.empty());
    CHECK_FALSE(foreseen.identifies.empty());
    for (const Expected& expected : foreseen.identifies) {
      INFO(expected.parameter);
      CHECK(expected.lo.has_value());
    }
  }
}

TEST_CASE("a parameter that keeps its usual value, or a given one, has no interval, and tied ones have the same",
          "[plan][fast]") {
  const auto points = grid_of({16, 4, 6});
  CHECK_FALSE(by_name(identifies({"gmse"}, points, Assumed{})).contains("K1"));
  fit::FitOptions options;
  options.fix["n"] = 0;
  options.ties.emplace_back("alpha", "beta");
  const auto fixed = by_name(identifies({"kumar_tied"}, points, Assumed{}, options)),
             open = by_name(identifies({"kumar_tied"}, points, Assumed{}));
  CHECK_FALSE(fixed.contains("n"));
  CHECK(width(fixed.at("gamma")) < width(open.at("gamma")));
  CHECK(width(fixed.at("alpha")) == width(fixed.at("beta")));
  CHECK(width(fixed.at("alpha")) < width(open.at("alpha")));
}

TEST_CASE("what a parameter moves with is named", "[plan][fast]") {
  const auto joint = by_name(identifies({"kumar_joint"}, grid_of({16, 3, 4, 6}), with_noise(1e-3)));
  const std::set<std::string> partners(joint.at("gamma_w").with.begin(), joint.at("gamma_w").with.end());
  CHECK(partners == std::set<std::string>{"gamma_a", "gamma_kv"});
  const auto few = by_name(identifies({"kumar_tied"}, grid_of({16, 4}), with_noise(1e-4)));
  CHECK(few.at("gamma").with == std::vector<std::string>{"n"});
  const auto wide = by_name(identifies({"chinchilla"}, grid_of({16}), with_noise(0.05)));
  CHECK(wide.at("A").with.front() == "alpha");
  for (const auto& [name, parameter] : joint)
    if (parameter.identified) CHECK(parameter.with.empty());
}

TEST_CASE("a law that cannot be foreseen is left out with the reason", "[plan][fast]") {
  const auto foreseen = foresee({"kumar_weights", "chinchilla", "qid", "densing_score"}, grid_of({16}), Assumed{});
  REQUIRE(foreseen.not_foreseen.size() == 3);
  CHECK(foreseen.not_foreseen[0].law == "kumar_weights");
  CHECK_THAT(foreseen.not_foreseen[0].why, ContainsSubstring("no run is rounded"));
  CHECK_THAT(foreseen.not_foreseen[1].why, ContainsSubstring("post_training"));
  CHECK_THAT(foreseen.not_foreseen[2].why, ContainsSubstring("tasks"));
  CHECK(foreseen.identifies.size() == 5);
  CHECK_THAT(foresee({"chinchilla"}, grid_of({4}), Assumed{}).not_foreseen.at(0).why,
             ContainsSubstring("every run is rounded"));
}

TEST_CASE("a law that knows no precision is foreseen from unrounded runs alone", "[plan][fast]") {
  const auto all = by_name(identifies({"chinchilla"}, grid_of({16, 4, 6}), Assumed{})),
             unrounded = by_name(identifies({"chinchilla"}, grid_of({16}), Assumed{}));
  CHECK(width(all.at("E")) == width(unrounded.at("E")));
}

TEST_CASE("laws of quantization after training are foreseen from its methods and numbers", "[plan][fast]") {
  const auto trained = grid_of({16, 6});
  const PostTrainingAsked asked{{"rtn", "gptq"}, {"int3/channel", "int4/channel", "int5/channel"}, 128};
  auto points = post_trained(trained, asked, centre_of(trained), Assumed{});
  REQUIRE(points.size() == trained.size() * 6);
  CHECK(points[0].loss_before > Assumed().floor);
  points.insert(points.begin(), trained.begin(), trained.end());
  const auto found = by_name(identifies({"kumar_ptq", "qid"}, points, with_noise(1e-3)));
  CHECK(found.at("g_post").identified);
  CHECK(found.at("gD").identified);
  CHECK_FALSE(found.contains("b"));
  CHECK(found.at("gamma").lo);
}

TEST_CASE("a fit that is given takes the place of the assumptions", "[plan][fast]") {
  fit::FitSummary fit;
  fit.law = "kumar_tied";
  fit.rms_log = 0.002;
  for (const auto& [name, value] : std::vector<std::pair<std::string, double>>{
           {"E", 1.1}, {"A", 20}, {"B", 300}, {"alpha", 0.25}, {"beta", 0.31}, {"gamma", 1.7}, {"n", 0.4}}) {
    fit.symbols.push_back(name);
    fit.parameters.push_back({value, {}, {}, {}, {}});
  }
  const Example folder(kSmall);
  const auto file = folder.folder() / "fit.json";
  std::ofstream(file) << fit::to_json(fit).dump();
  Assumed assumed;
  assume_fits(assumed, file.string(), {"chinchilla", "kumar_tied"});
  CHECK(assumed.noise == 0.002);
  const auto found = by_name(identifies({"kumar_tied"}, grid_of({16, 4, 6}), assumed));
  for (std::size_t k = 0; k < fit.symbols.size(); ++k)
    CHECK_THAT(found.at(fit.symbols[k]).value, WithinRel(fit.parameters[k].value, 1e-12));
  CHECK(by_name(identifies({"power_eff"}, grid_of({16, 4, 6}), assumed)).at("k").value == 3);
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
