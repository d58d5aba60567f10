#include "fit/sweep.h"

#include "catch.h"

namespace vernier::fit {
namespace {

StoredRun run(const std::string& id, double rate, std::int64_t seed, std::optional<double> loss,
              std::int64_t tokens = 100) {
  StoredRun made;
  made.id = id;
  made.spec.recipe = "2024-wsd";
  made.spec.tokens = tokens;
  made.spec.seed = seed;
  made.spec.training.learning_rate = rate;
  made.record.status = loss ? "done" : "diverged";
  made.record.loss_val = loss;
  return made;
}

std::vector<std::string> ids(const std::vector<StoredRun>& runs) {
  std::vector<std::string> names;
  for (const auto& one : runs) names.push_back(one.id);
  return names;
}

}  // namespace

TEST_CASE("of a sweep the rate with the least mean loss over seeds stays, and other runs are untouched",
          "[fit][fast]") {
  const std::vector<StoredRun> runs{run("a1", 0.01, 1, 2.0), run("a2", 0.01, 2, 2.4), run("b1", 0.003, 1, 2.1),
                                    run("b2", 0.003, 2, 2.1), run("c", 0.01, 1, 3.0, 200)};
  CHECK(ids(at_best_rates(runs)) == std::vector<std::string>{"b1", "b2", "c"});
  const auto sweeps = rate_sweeps(runs);
  REQUIRE(sweeps.size() == 1);
  CHECK(sweeps[0].rates[0].learning_rate == 0.003);
  CHECK(*sweeps[0].rates[1].loss == Approx(2.2));
  CHECK(sweeps[0].best == 0);
  CHECK(sweeps[0].at_edge());
}

TEST_CASE("a rate at which a seed diverged is never the best", "[fit][fast]") {
  const std::vector<StoredRun> runs{run("a", 0.001, 1, 2.5), run("b", 0.01, 1, 2.0), run("c", 0.03, 1, 1.0),
                                    run("d", 0.03, 2, std::nullopt)};
  CHECK(ids(at_best_rates(runs)) == std::vector<std::string>{"b"});
  CHECK(!rate_sweeps(runs)[0].at_edge());
}

}  // namespace vernier::fit
