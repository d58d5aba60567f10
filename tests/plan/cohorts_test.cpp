#include "plan/cohorts.h"

#include <set>

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"

using namespace vernier;
using namespace vernier::plan;

namespace {
std::vector<Cohort> cohorts(const std::string& text, const std::vector<std::string>& set = {}) {
  const Experiment experiment = read(text, set);
  return cohorts_of(runs_of(experiment), experiment.corpus_digest);
}
}  // namespace

TEST_CASE("a grid is every size with every number, seed and token count, each run once and under its own name",
          "[plan][fast]") {
  const Experiment experiment = read(kSmall);
  const auto runs = runs_of(experiment);
  REQUIRE(runs.size() == 2 * 3 * (1 + 2));  // numbers x tokens x (seeds of both sizes)
  std::set<std::string> ids;
  for (const auto& run : runs) ids.insert(run_id(run, experiment.corpus_digest));
  CHECK(ids.size() == runs.size());
  CHECK(runs[0].tokens == 12800);
  CHECK(runs[1].tokens == 25600);
  CHECK(runs[3].numbers.weights == "int4/channel");
  CHECK(runs.back().seed == 2);
  CHECK(runs.back().shape.heads == 2);
}

TEST_CASE("runs of one shape are one cohort, whatever their precision, learning rate or seed", "[plan][fast]") {
  const auto both = cohorts(kSmall);
  REQUIRE(both.size() == 2);
  CHECK(both[0].members.size() == 2);
  CHECK(both[1].members.size() == 4);
  CHECK(both[0].horizons == std::vector<std::int64_t>{12800, 25600, 128000});
  for (const auto& cohort : both)
    for (std::size_t m = 0; m < cohort.members.size(); ++m)
      for (std::size_t h = 0; h < cohort.horizons.size(); ++h) {
        const auto& run = cohort.runs[m][h];
        REQUIRE(run);
        CHECK(run->id == run_id(run->spec, cohort.corpus_digest));
        CHECK(run->spec.tokens == cohort.horizons[h]);
        CHECK(run->spec.numbers == cohort.members[m].numbers);
        CHECK(run->spec.seed == cohort.members[m].seed);
        CHECK(run->spec.training.learning_rate == cohort.members[m].learning_rate);
      }
  const auto rates = cohorts(with("width: 48, heads: 2", "width: 32, heads: 1"));
  REQUIRE(rates.size() == 1);
  CHECK(rates[0].members.size() == 6);
}

TEST_CASE("what changes the batches or the schedule makes another cohort", "[plan][fast]") {
  const std::string name = cohorts(kSmall)[0].name;
  CHECK(cohorts(kSmall, {"grid.seeds=[1, 5]"})[0].name == name);
  CHECK(cohorts(kSmall, {"training.learning_rate=0.001"})[0].name == name);
  CHECK(cohorts(kSmall, {"grid.tokens=[12800]"})[0].name == name);
  for (const char* change : {"training.batch=2", "context=64", "training.cooldown=0.1", "corpus.seed=7",
                             "recipe=2023-llama", "exact=true", "grid.sizes[0].depth=3"})
    CHECK(cohorts(kSmall, {change})[0].name != name);
}

TEST_CASE("a size with token counts of its own leaves the other places of its cohort empty", "[plan][fast]") {
  const auto one = cohorts(with("width: 48, heads: 2", "width: 32, heads: 1, tokens: [25600]"));
  REQUIRE(one.size() == 1);
  CHECK_FALSE(one[0].runs[2][0]);
  CHECK(one[0].runs[2][1]);
  CHECK(trunk_steps(one[0], 0) == 800);  // 80 % of the 1000 steps of 128000 tokens
  CHECK(trunk_steps(one[0], 2) == 160);
}

TEST_CASE("a trunk lasts to where its last branch leaves, and trunk and branch make up every run exactly",
          "[plan][fast]") {
  const auto both = cohorts(kSmall);
  const Tokens tokens = tokens_of(both[0]);
  CHECK(tokens.trunk == 2 * 102400);
  CHECK(tokens.branches == 2 * (2560 + 5120 + 25600));
  CHECK(tokens.separate == 2 * (12800 + 25600 + 128000));
  for (std::size_t h = 0; h < 3; ++h)
    CHECK((both[0].steps(h).leave + both[0].steps(h).cooldown) * both[0].step_tokens() == both[0].horizons[h]);
  const Tokens all = tokens_of(both);
  CHECK(all.trunk == 3 * tokens.trunk);
}

TEST_CASE("a schedule that needs the horizon shares no trunk, one that goes on for ever is all trunk", "[plan][fast]") {
  for (const char* falling : {"cosine", "linear"}) {
    const auto both = cohorts(kSmall, {std::string("training.schedule=") + falling});
    REQUIRE(both.size() == 2);
    const Tokens tokens = tokens_of(both[0]);
    CHECK(trunk_steps(both[0], 0) == 0);
    CHECK(tokens.trunk == 0);
    CHECK(tokens.branches == tokens.separate);
    CHECK(both[0].name != cohorts(kSmall)[0].name);
  }
  const Tokens endless = tokens_of(cohorts(kSmall, {"training.schedule=inverse-sqrt"})[0]);
  CHECK(endless.trunk == 2 * 128000);
  CHECK(endless.branches == 0);
}

TEST_CASE("steps are whole, at least one of them cools down, and no cool-down means none", "[plan][fast]") {
  TrainingSpec training{.batch = 4, .learning_rate = 1, .cooldown = 0.2};
  CHECK(steps_of(training, 32, 128).cooldown == 1);
  CHECK(steps_of(training, 32, 128 * 7).cooldown == 1);  // 1.4
  CHECK(steps_of(training, 32, 128 * 8).cooldown == 2);  // 1.6
  CHECK(steps_of(training, 32, 128 * 8).leave == 6);
  training.cooldown = 0;
  CHECK(steps_of(training, 32, 128 * 8).leave == 8);
  training.schedule = "cosine";
  CHECK(steps_of(training, 32, 128 * 8).leave == 0);
  CHECK(steps_of(training, 32, 128 * 8).cooldown == 8);
}
