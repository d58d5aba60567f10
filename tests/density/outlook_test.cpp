#include "density/outlook.h"

#include <cmath>

#include "made_up.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

const made_up::Truth kExact{.noisy = false};
constexpr double kSlope = 0.001;

/// The exact family and recipes before and after it whose density doubles every 693 days.
std::vector<StoredRun> dated_store() {
  auto runs = made_up::family(kExact, Stream(1));
  const double zero = density::days_of("2024-04-09");
  for (const auto& [recipe, date] : std::map<std::string, std::string>{{"2019-gpt2", "2019-02-14"},
                                                                       {"2020-gpt3", "2020-05-28"},
                                                                       {"2023-llama", "2023-02-27"},
                                                                       {"2025-muon", "2025-02-24"}})
    for (const auto tokens : {1 << 22, 1 << 24})
      runs.push_back(made_up::run_of(kExact, made_up::spec_of(recipe, 96, tokens), date,
                                     std::exp(kSlope * (density::days_of(date) - zero)), Stream(2)));
  return runs;
}

}  // namespace

TEST_CASE("the densing law of dated recipes is that of their densities, by the densest and by the typical run",
          "[density][fast]") {
  const auto analysis = density::analyse(dated_store(), {}, made_up::request());
  for (const auto* law : {&analysis.law, &analysis.typical_law}) {
    REQUIRE(law->slope_per_day.has_value());
    CHECK_THAT(*law->slope_per_day, WithinRel(kSlope, 5e-3));
    CHECK(law->points.size() == 5);
  }
  CHECK(analysis.typical_law.points[3].run == "2024-wsd");
}

TEST_CASE("sizes to come are N_hat over the density of their date", "[density][fast]") {
  auto asked = made_up::request();
  asked.score = 0.5;
  asked.reference_tokens = 1e7;
  asked.price_halving = 730;
  asked.budget = 1e6;
  const auto analysis = density::analyse(dated_store(), {}, asked);
  const auto& outlook = analysis.outlook;
  REQUIRE(outlook.why_absent.empty());
  const double loss = kExact.l - std::log(kExact.c / (0.5 - kExact.d) - 1) / kExact.gamma;
  const double n = std::pow((loss - kExact.e - kExact.b * std::pow(1e7, -kExact.beta)) / kExact.a, -1 / kExact.alpha);
  CHECK_THAT(outlook.n_hat.value(), WithinRel(n, 2e-3));
  REQUIRE(outlook.points.size() == 5 + 3);
  const auto& line = analysis.law.trend->line;
  for (const auto& point : outlook.points) {
    CHECK_THAT(point.params.value, WithinRel(*outlook.n_hat / std::exp(line.at(point.days)), 1e-9));
    CHECK_THAT(point.affordable.value().value,
               WithinRel(1e6 * std::exp(line.at(point.days)) * std::pow(2, point.days / 730), 1e-9));
    CHECK(point.extrapolated == (point.date > "2025-02-24"));
  }
  CHECK_THAT(outlook.doubling_days.value().value, WithinRel(std::log(2.0) / (line.slope + std::log(2.0) / 730), 1e-9));
}

TEST_CASE("the cost of inference of a size is the family's own", "[density][fast]") {
  auto asked = made_up::request();
  asked.score = 0.5;
  const auto runs = dated_store();
  const auto analysis = density::analyse(runs, {}, asked);
  std::vector<const StoredRun*> family;
  for (const auto& run : runs)
    if (run.spec.recipe == "2024-wsd") family.push_back(&run);
  const density::FlopsOfSize flops(family);
  for (const auto& point : analysis.outlook.points)
    CHECK_THAT(point.flops_per_token.value().value,
               WithinRel(std::exp(flops.log_flops(std::log(point.params.value))), 1e-9));
}

TEST_CASE("without a densing law, or for a score that no size has, there is no outlook", "[density][fast]") {
  const auto one_recipe = density::analyse(made_up::family(kExact, Stream(1)), {}, made_up::request());
  CHECK_THAT(one_recipe.outlook.why_absent, ContainsSubstring("no densing law: 1 recipe date(s)"));
  auto asked = made_up::request();
  asked.score = 0.1;
  CHECK_THAT(density::analyse(dated_store(), {}, asked).outlook.why_absent, ContainsSubstring("at or below chance"));
}

TEST_CASE("the analysis as JSON keeps what was promised and adds the two steps", "[density][fast]") {
  auto asked = made_up::request();
  const Json json = density::to_json(density::analyse(dated_store(), {}, asked), asked);
  for (const char* key : {"reference", "models", "densing_law", "sigmoid", "sigmoid_points", "forms", "meeting",
                          "frontier", "compression", "outlook", "typical_law", "notes", "measure"})
    CHECK(json.contains(key));
  for (const char* key : {"run_id", "n_effective", "density", "lo", "hi", "density_per_bit", "n_eff_precision_law",
                          "why_absent", "measure", "score", "score_se", "task_loss", "kind", "recipe", "recipe_date",
                          "stored_bits", "flops_per_token", "density_by_flops"})
    CHECK(json["models"][0].contains(key));
  for (const char* key : {"slope_per_day", "intercept", "r2", "doubling_days", "lo", "hi", "points"})
    CHECK(json["densing_law"].contains(key));
  CHECK(json["models"][0]["kind"] == "trained");
  CHECK(json["measure"] == "score");
  CHECK(json["forms"].size() == 2);
  CHECK(Json::parse(json.dump()) == json);
}
