#include "density/density.h"

#include <cmath>
#include <limits>

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

struct Truth {
  double e = 1.8, a = 40, alpha = 0.3, b = 300, beta = 0.35;
  double loss(double n, double d) const { return e + a * std::pow(n, -alpha) + b * std::pow(d, -beta); }
};

/// The reference fit that found the truth, with replicates whose E is shifted.
fit::FitSummary reference(const Truth& truth, const std::vector<double>& shifts = {}) {
  fit::FitSummary summary;
  summary.law = "chinchilla";
  summary.symbols = {"A", "alpha", "B", "beta", "E"};  // not the order of the formula: symbols are looked up
  for (const double value : {truth.a, truth.alpha, truth.b, truth.beta, truth.e}) {
    fit::Interval parameter;
    parameter.value = value;
    summary.parameters.push_back(parameter);
  }
  for (const double shift : shifts)
    summary.bootstrap.push_back({truth.a, truth.alpha, truth.b, truth.beta, truth.e + shift});
  return summary;
}

law::RunPoint point(double n, double d, double loss, double bits = 16) {
  law::RunPoint run;
  run.run = fmt::format("n{}d{}p{}", n, d, bits);
  run.params = n;
  run.tokens = d;
  run.loss = loss;
  if (bits < 16) {
    run.weights = {.rounded = true, .bits = bits, .number = fmt::format("int{}/channel", bits)};
    run.precision = run.weights.number;
  }
  return run;
}

density::ModelDensity density_of(const law::RunPoint& run, const fit::FitSummary& fit,
                                 const density::Options& options = {}) {
  return density::densities({run}, {}, fit, nullptr, options).at(0);
}

std::vector<double> shifts(double width, int count = 101) {
  std::vector<double> list;
  for (int i = 0; i < count; ++i) list.push_back(width * (2.0 * i / (count - 1) - 1));
  return list;
}

}  // namespace

TEST_CASE("a family whose effective sizes are known gives them back", "[density][fast]") {
  const Truth truth;
  const fit::FitSummary fit = reference(truth);
  for (const double n : {1e4, 1e6, 1e8})
    for (const double d : {1e6, 1e9})
      for (const auto& [bits, rho] : {std::pair{3.0, 0.2}, {4.0, 0.55}, {8.0, 0.98}, {16.0, 1.0}}) {
        const auto model = density_of(point(n, d, truth.loss(n * rho, d), bits), fit);
        CHECK_THAT(model.density.value(), WithinRel(rho, 1e-6));
        CHECK_THAT(model.n_effective.value(), WithinRel(n * rho, 1e-6));
        CHECK_THAT(model.density_per_bit.value(), WithinRel(rho * 16 / bits, 1e-6));
        CHECK(model.compared_at == d);
        CHECK(model.reference == (bits == 16));
        CHECK(model.why_absent.empty());
      }
}

TEST_CASE("at a fixed D0 a reference model that saw D0 tokens has density one, with fewer tokens less",
          "[density][fast]") {
  const Truth truth;
  const density::Options options{.reference_tokens = 1e9};
  CHECK_THAT(density_of(point(1e6, 1e9, truth.loss(1e6, 1e9)), reference(truth), options).density.value(),
             WithinRel(1.0, 1e-9));
  const auto fewer = density_of(point(1e6, 1e8, truth.loss(1e6, 1e8)), reference(truth), options);
  CHECK(fewer.density.value() < 1);
  CHECK(fewer.compared_at == 1e9);
}

TEST_CASE("the inverse agrees with a published number", "[density][fast]") {
  const Truth truth{.e = 0, .a = 8, .alpha = 0.08, .b = 60, .beta = 0.2};  // LAWS.md, section 7
  const auto model = density_of(point(1e8, 1e10, 2.0), reference(truth));
  CHECK_THAT(model.n_effective.value(), WithinRel(2.897506e9, 1e-6));
}

TEST_CASE("a loss beyond the floor of the reference has no effective size, and says why", "[density][fast]") {
  const Truth truth;
  const double floor = truth.e + truth.b * std::pow(1e8, -truth.beta);
  for (const double loss : {floor, floor - 0.01}) {
    const auto model = density_of(point(1e6, 1e8, loss), reference(truth));
    CHECK_FALSE(model.n_effective.has_value());
    CHECK_FALSE(model.density.has_value());
    CHECK_FALSE(model.density_per_bit.has_value());
    CHECK_THAT(model.why_absent, ContainsSubstring("beyond what the reference can reach"));
  }
  const auto close = density_of(point(1e6, 1e8, std::nextafter(floor, 10.0)), reference(Truth{.alpha = 0.01}));
  CHECK_FALSE(close.n_effective.has_value());
  CHECK_FALSE(close.why_absent.empty());
}

TEST_CASE("the interval comes from the replicates and holds the value", "[density][fast]") {
  const Truth truth;
  const auto model = density_of(point(1e6, 1e8, truth.loss(5e5, 1e8), 4), reference(truth, shifts(0.02)));
  const auto rho_at = [&](double shift) {
    return std::pow((truth.a * std::pow(5e5, -truth.alpha) - shift) / truth.a, -1 / truth.alpha) / 1e6;
  };
  CHECK_THAT(model.lo.value(), WithinRel(rho_at(-0.018), 1e-9));  // a smaller E asks for a smaller model
  CHECK_THAT(model.hi.value(), WithinRel(rho_at(+0.018), 1e-9));
  CHECK(model.why_open.empty());
}

TEST_CASE("near the singularity the interval is one-sided and says why", "[density][fast]") {
  const Truth truth;
  const double n = 1e9, gap = truth.a * std::pow(n, -truth.alpha);
  const auto model = density_of(point(n, 1e8, truth.loss(n, 1e8)), reference(truth, shifts(1.5 * gap)));
  CHECK(model.density.has_value());
  CHECK(model.lo.has_value());
  CHECK_FALSE(model.hi.has_value());
  CHECK_THAT(model.why_open, ContainsSubstring("bootstrap replicates"));
  const auto beyond = density_of(point(n, 1e8, truth.loss(n, 1e8) - 1.2 * gap), reference(truth, shifts(1.5 * gap)));
  CHECK_FALSE(beyond.density.has_value());
  CHECK(beyond.lo.has_value());  // at least so dense
  CHECK_FALSE(beyond.hi.has_value());
}

TEST_CASE("without a bootstrap there is no interval, and that is said", "[density][fast]") {
  const auto model = density_of(point(1e6, 1e8, 2.9), reference(Truth{}));
  CHECK(model.density.has_value());
  CHECK_FALSE(model.lo.has_value());
  CHECK_FALSE(model.hi.has_value());
  CHECK_THAT(model.why_open, ContainsSubstring("0 usable bootstrap replicates"));
}

TEST_CASE("excluded runs are listed with their reason and nulls", "[density][fast]") {
  const Truth truth;
  const fit::FitSummary fit = reference(truth);
  const auto models =
      density::densities({point(1e6, 1e8, truth.loss(1e6, 1e8))}, {{"abc", "diverged at step 17"}}, fit, nullptr);
  REQUIRE(models.size() == 2);
  const Json json = density::to_json(models, density::densing_law({}), fit, nullptr);
  const Json& gone = json["models"][1];
  CHECK(gone["run_id"] == "abc");
  CHECK(gone["why_absent"] == "diverged at step 17");
  for (const char* key : {"n_effective", "density", "lo", "hi", "density_per_bit", "n_eff_precision_law"}) {
    CHECK(gone.contains(key));
    CHECK(gone[key].is_null());
    CHECK(json["models"][0].contains(key));
  }
  CHECK(json["models"][0]["why_absent"].is_null());
  CHECK(json["reference"]["law"] == "chinchilla");
  for (const char* key : {"slope_per_day", "intercept", "r2", "doubling_days", "lo", "hi"})
    CHECK(json["densing_law"].at(key).is_null());
  CHECK(json["densing_law"]["points"].is_array());
}

TEST_CASE("the share of the precision law stands beside the density", "[density][fast]") {
  const Truth truth;
  fit::FitSummary law = reference(truth);
  law.law = "kumar_weights";
  law.symbols = {"A", "alpha", "B", "beta", "E", "gamma_w", "n_w"};
  law.parameters.resize(7);
  law.parameters[5].value = 2.6745;
  law.parameters[6].value = 0.3037;
  const double share = 1 - std::exp(0.3037 - 4 / 2.6745);
  const auto models =
      density::densities({point(1e6, 1e8, truth.loss(1e6 * share, 1e8), 4), point(1e6, 1e8, truth.loss(1e6, 1e8))}, {},
                         reference(truth), &law);
  CHECK_THAT(models[0].n_eff_precision_law.value(), WithinAbs(share, 1e-12));
  CHECK_THAT(models[0].density.value(), WithinRel(share, 1e-6));  // the two laws meet
  CHECK(models[1].n_eff_precision_law == 1.0);
}

TEST_CASE("a reference of another form is refused", "[density][fast]") {
  fit::FitSummary wrong = reference(Truth{});
  wrong.symbols[1] = "gamma";
  CHECK_THROWS_WITH(density_of(point(1e6, 1e8, 3), wrong), ContainsSubstring("has no parameter alpha"));
}
