#include "plan/status.h"

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"
#include "store/store.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Planned {
  Example example{kSmall};
  Experiment experiment = read_experiment(example.folder());
  std::vector<RunSpec> runs = runs_of(experiment);
  std::vector<Cohort> cohorts = cohorts_of(runs, experiment.corpus_digest);
  std::filesystem::path store = store_of(experiment);

  std::string id(std::size_t run) const { return run_id(runs[run], experiment.corpus_digest); }

  void finish(std::size_t run, const std::string& status = "done") const {
    StoredRun stored;
    stored.id = id(run);
    stored.spec = runs[run];
    stored.record.status = status;
    stored.record.corpus_digest = experiment.corpus_digest;
    if (status == "done")
      stored.record.loss_val = 2.5;
    else
      stored.record.diverged_at = 17;
    for (std::string* word : {&stored.record.experiment, &stored.record.recipe_date, &stored.record.carrier,
                              &stored.record.device, &stored.record.host, &stored.record.version})
      *word = "x";
    store::open_store(store).publish(stored);
  }
  Status status() const { return status_of(cohorts, runs, store); }
};

}  // namespace

TEST_CASE("without a store every run is missing, and looking creates nothing", "[plan][fast]") {
  const Planned planned;
  const Status status = planned.status();
  CHECK(status.planned == 18);
  CHECK(status.missing == 18);
  CHECK(status.tokens_done == 0);
  CHECK(status.tokens_planned == 6 * (12800 + 25600 + 128000));
  CHECK_FALSE(std::filesystem::exists(planned.store));
}

TEST_CASE("done, diverged and broken runs are told apart, and named", "[plan][fast]") {
  const Planned planned;
  planned.finish(0);
  planned.finish(1, "diverged");
  planned.finish(2);
  std::filesystem::remove(planned.store / planned.id(2) / "record.json");
  std::filesystem::create_directories(planned.store / "leftover");
  const Status status = planned.status();
  CHECK(status.done == 1);
  CHECK(status.diverged == 1);
  CHECK(status.broken == 2);
  CHECK(status.missing == 15);
  CHECK(status.tokens_done == 12800 + 25600);
  CHECK(status.runs.size() == 19);
  CHECK_THAT(text_of(status), ContainsSubstring("broken    leftover") && ContainsSubstring("at step 17") &&
                                  ContainsSubstring("broken    " + planned.id(2)));

  const Json json = to_json(status);
  for (const char* key :
       {"planned", "done", "running", "missing", "diverged", "broken", "tokens_done", "tokens_planned"})
    CHECK(json.at(key).is_number_integer());
  CHECK(json["runs"][0]["id"] == planned.id(0));
  CHECK(json["runs"][0]["state"] == "done");
  CHECK(json["runs"][0]["loss_val"] == 2.5);
  CHECK(json["runs"][1]["state"] == "diverged");
  CHECK_FALSE(json["runs"][1].contains("loss_val"));
}

TEST_CASE("runs of a cohort that a living process has claimed are running until they are done", "[plan][fast]") {
  const Planned planned;
  planned.finish(0);
  {
    const auto claim = store::open_store(planned.store).claim(planned.cohorts[0].name);
    REQUIRE(claim);
    const Status status = planned.status();
    CHECK(status.done == 1);
    CHECK(status.running == 5);
    CHECK(status.missing == 12);
  }
  CHECK(planned.status().running == 0);
}

TEST_CASE("done runs that lack what is asked after training are counted", "[plan][fast]") {
  const Planned planned;
  planned.finish(0);
  planned.finish(1, "diverged");
  planned.finish(2);
  store::Store(planned.store).add_post_trained(planned.id(2), {{"rtn", "int4", 2.6, 0.1}});
  const auto status = status_of(planned.cohorts, planned.runs, planned.store, PostTrainingAsked{{"rtn"}, {"int4"}, 8});
  CHECK(status.post_training_missing == 1);
  CHECK(to_json(status)["post_training_missing"] == 1);
  CHECK_THAT(text_of(status), ContainsSubstring("1 done runs lack asked rows of ptq.csv"));
  CHECK(to_json(planned.status())["post_training_missing"].is_null());
}

TEST_CASE("rows of smaller models are counted, asked and missing, but not those of diverged runs", "[plan][fast]") {
  const Planned planned;
  const CompressionTask half{.method = "unstructured",
                             .share = 0.5,
                             .depth = {},
                             .width = {},
                             .heads = {},
                             .tokens = 2560,
                             .learning_rate = {}};
  CompressionTask quarter = half;
  quarter.share = 0.25;
  planned.finish(2);              // width 32, unrounded, on the most tokens
  planned.finish(8, "diverged");  // width 48, likewise
  store::Store(planned.store).add_compressed(planned.id(2), {{half, 100, 2.6, {}}});
  const auto status =
      status_of(planned.cohorts, planned.runs, planned.store, {}, CompressionAsked{{}, {half, quarter}});
  CHECK((status.compression_rows == 4 && status.compression_missing == 3));
  CHECK(status.compression_tokens == 4 * 2560);
  CHECK((to_json(status)["compression_rows"] == 4 && to_json(status)["compression_missing"] == 3));
  CHECK_THAT(text_of(status), ContainsSubstring("1 of 4 rows of compressed.csv done"));
  CHECK(to_json(planned.status())["compression_missing"].is_null());
}
