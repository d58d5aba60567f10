#include "plan/summary.h"

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;

namespace {
Summary summary_of(const Speed& speed) {
  const Experiment experiment = read(kSmall);
  const auto runs = runs_of(experiment);
  const auto cohorts = cohorts_of(runs, experiment.corpus_digest);
  Summary summary{.name = "small",
                  .question = "why?",
                  .cost = cost_of(cohorts, speed),
                  .speed_from = "a test",
                  .waves = {},
                  .status = {},
                  .assumed = assumed_for(experiment),
                  .foreseen = {},
                  .improvement = {}};
  summary.foreseen = foresee({"kumar_joint", "qid"}, points_of(runs), summary.assumed);
  return summary;
}
}  // namespace

TEST_CASE("a plan as JSON has the keys that other programs rely on", "[plan][fast]") {
  const Json json = to_json(summary_of([](const Cohort&) { return 1e6; }));
  for (const char* key : {"runs", "cohorts", "trunk_tokens", "branch_tokens", "tokens_if_separate"})
    CHECK(json.at(key).is_number_integer());
  for (const char* key : {"flops", "seconds_estimated", "bytes_estimated"}) CHECK(json.at(key).is_number());
  CHECK(json["identifies"].size() == 11);
  for (const auto& parameter : json["identifies"]) {
    CHECK(parameter["law"] == "kumar_joint");
    CHECK(parameter["value_assumed"].is_number());
    CHECK(parameter["identified"].is_boolean());
    CHECK(parameter["lo"].is_null() == parameter["hi"].is_null());
    CHECK(parameter["with"].is_array());
  }
  REQUIRE(json["not_foreseen"].size() == 1);
  CHECK(json["not_foreseen"][0]["law"] == "qid");
}

TEST_CASE("what is not known is null, and said", "[plan][fast]") {
  const Summary summary = summary_of({});
  CHECK(to_json(summary)["seconds_estimated"].is_null());
  CHECK_THAT(text_of(summary),
             ContainsSubstring("time      not known") && ContainsSubstring("left free by these runs"));
}

TEST_CASE("a plan says how many smaller models there will be, and on how many tokens more", "[plan][fast]") {
  Summary summary = summary_of({});
  CHECK(to_json(summary)["compression_rows"].is_null());
  CHECK_THAT(text_of(summary), !ContainsSubstring("smaller"));
  summary.status.compression_rows = 12;
  summary.status.compression_missing = 5;
  summary.status.compression_tokens = 3000000;
  CHECK((to_json(summary)["compression_rows"] == 12 && to_json(summary)["compression_tokens"] == 3000000));
  CHECK_THAT(text_of(summary), ContainsSubstring("12 models made of trained ones, on 3e+06 tokens more; 7 are done"));
}
