#include "plan/cost.h"

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"
#include "record/recipe.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::WithinRel;

namespace {
std::vector<Cohort> cohorts(const std::vector<std::string>& set = {}) {
  const Experiment experiment = read(kSmall, set);
  return cohorts_of(runs_of(experiment), experiment.corpus_digest);
}

/// The runs of a cohort as if each had taken a share of `seconds`.
std::vector<StoredRun> stored(const Cohort& cohort, double seconds) {
  std::vector<StoredRun> runs;
  for (const auto& member : cohort.runs)
    for (const auto& run : member) {
      StoredRun one;
      one.id = run->id;
      one.spec = run->spec;
      one.record.status = "done";
      one.record.corpus_digest = cohort.corpus_digest;
      runs.push_back(one);
    }
  for (auto& run : runs) run.record.seconds = seconds / static_cast<double>(runs.size());
  return runs;
}
}  // namespace

TEST_CASE("FLOPs are those of the trunks and branches, and less than those of separate runs", "[plan][fast]") {
  const auto all = cohorts({"grid.sizes=[{depth: 2, width: 32}]"});
  const Cost cost = cost_of(all, {});
  CHECK(cost.runs == 6);
  CHECK(cost.cohorts == 1);
  const double per_token = training_flops_per_token({}, all[0].shape).total();
  CHECK_THAT(cost.flops, WithinRel(per_token * 2 * (102400 + 33280), 1e-12));
  CHECK_THAT(cost.flops_separate, WithinRel(per_token * 2 * 166400, 1e-12));
  CHECK_FALSE(cost.seconds);
  CHECK(cost.bytes > 6 * 4 * parameters_of({}, all[0].shape).total());
}

TEST_CASE("the time is tokens over the measured speed, validation at a third of its tokens", "[plan][fast]") {
  const auto all = cohorts({"grid.sizes=[{depth: 2, width: 32}]"});
  const Cost cost = cost_of(all, [](const Cohort&) { return 1000.0; });
  REQUIRE(cost.seconds);
  CHECK_THAT(*cost.seconds, WithinRel((2 * (102400 + 33280) + 6 * 1024 / 3.0) / 1000, 1e-12));
}

TEST_CASE("one cohort whose speed is not known leaves the time unknown", "[plan][fast]") {
  const auto all = cohorts();
  const Cost cost = cost_of(all, [&](const Cohort& cohort) {
    return cohort.name == all[0].name ? std::optional<double>(1000.0) : std::nullopt;
  });
  CHECK_FALSE(cost.seconds);
}

TEST_CASE("a plan that repeats what was run predicts the time that it took", "[plan][fast]") {
  const auto all = cohorts();
  auto runs = stored(all[0], 10);
  for (auto& run : stored(all[1], 30)) runs.push_back(run);
  const Cost cost = cost_of(all, speed_from(runs));
  REQUIRE(cost.seconds);
  CHECK_THAT(*cost.seconds, WithinRel(40, 1e-9));
}

TEST_CASE("a shape that has not run yet is scaled by its FLOPs from the one nearest in size", "[plan][fast]") {
  const auto all = cohorts();
  const Speed speed = speed_from(stored(all[0], 10));
  const double ratio =
      training_flops_per_token({}, all[1].shape).total() / training_flops_per_token({}, all[0].shape).total();
  CHECK_THAT(*speed(all[0]) / *speed(all[1]), WithinRel(ratio, 1e-12));
  CHECK_FALSE(speed_from({})(all[0]));
}
