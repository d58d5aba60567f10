#include "fit/summary.h"

#include <filesystem>
#include <fstream>

#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;

namespace {

FitSummary some_fit(std::int64_t replicates) {
  FitOptions options;
  options.starts = 8;
  options.bootstrap = replicates;
  options.holdout = "largest_n:1";
  return fit::fit("free_eff", synthetic::runs(synthetic::kumar_tied(), {4, 8, 16}, 0.003, 2), options);
}

}  // namespace

TEST_CASE("a fit survives writing and reading", "[fit][fast]") {
  const FitSummary fit = some_fit(12);
  const FitSummary read = summary_from_json(Json::parse(to_json(fit).dump()), "x");
  CHECK(to_json(read) == to_json(fit));
  CHECK(read.values() == fit.values());
  CHECK(read.bootstrap == fit.bootstrap);
  const auto point = synthetic::point(2e4, 3e6, 4);
  CHECK(loss(read, read.values(), point) == loss(fit, fit.values(), point));
}

TEST_CASE("the keys of a fit are those that other programs rely on", "[fit][fast]") {
  const Json json = to_json(some_fit(0));
  for (const char* key : {"law", "parameters", "objective", "rms_log", "r2", "aic", "bic", "holdout", "condition",
                          "starts", "starts_at_best", "seconds", "stop"})
    CHECK(json.contains(key));
  for (const char* key : {"value", "lo", "hi", "se", "identified"}) CHECK(json["parameters"]["alpha"].contains(key));
  CHECK(json["parameters"]["alpha"]["lo"].is_null());  // no bootstrap
  CHECK(json["holdout"]["rows"] == 15);
}

TEST_CASE("a file that holds no fit is refused with what is wrong", "[fit][fast]") {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("vernier-fit-{}.json", ::getpid());
  const auto refused = [&](const std::string& text, const std::string& law = "") {
    std::ofstream(path) << text;
    try {
      read_fit(path.string(), law);
      return std::string();
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
  };
  CHECK_THAT(refused("hello"), ContainsSubstring("not JSON"));
  CHECK_THAT(refused("[1]"), ContainsSubstring("expected a fit"));
  CHECK_THAT(refused("{\"fits\": []}"), ContainsSubstring("holds no fit"));
  CHECK_THAT(refused("{\"law\": \"chinchilla\"}"), ContainsSubstring("parameters: missing"));
  CHECK_THAT(refused("{\"law\": \"chinchilla\", \"parameters\": {\"E\": {\"value\": \"x\"}}}"),
             ContainsSubstring("parameters.E"));
  const std::string two = R"({"fits": [{"law": "a", "parameters": {}}, {"law": "b", "parameters": {}}], "best": null})";
  CHECK_THAT(refused(two), ContainsSubstring("--law a|b"));
  CHECK_THAT(refused(two, "c"), ContainsSubstring("has a, b"));
  CHECK(refused(two, "b").empty());
  std::filesystem::remove(path);
}

TEST_CASE("ninety percent of the numbers lie between the quantiles", "[fit][fast]") {
  std::vector<double> values;
  for (int k = 100; k >= 0; --k) values.push_back(k);
  const auto range = interval_90(values);
  REQUIRE(range.has_value());
  CHECK((range->first == 5 && range->second == 95));
  CHECK_FALSE(interval_90({1, 2, 3}).has_value());
}
