#include "sweep/alarms.h"

#include <limits>

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;

namespace {
plan::Cohort two_members() {
  plan::Cohort cohort;
  cohort.shape = {.depth = 4, .width = 128, .heads = 4, .context = 64, .vocab = 64};
  cohort.members = {{{}, 0.01, 1}, {{.weights = "int4/channel"}, 0.01, 2}};
  return cohort;
}
}  // namespace

TEST_CASE("a divergence is said at its step, once", "[sweep][fast]") {
  sweep::Alarms alarms(two_members());
  CHECK(!alarms.seen(1, 8, 3.0, 1.0));
  const auto said = alarms.seen(1, 9, 3.0, std::numeric_limits<double>::infinity());
  REQUIRE(said);
  CHECK_THAT(*said, ContainsSubstring("diverged at step 9") && ContainsSubstring("int4/channel") &&
                        ContainsSubstring("seed 2"));
  CHECK(!alarms.seen(1, 10, std::numeric_limits<double>::quiet_NaN(), 1.0));
  CHECK(alarms.seen(0, 10, std::numeric_limits<double>::quiet_NaN(), 1.0));
}

TEST_CASE("a branch watches on with what the trunk has seen, and the trunk with its own", "[sweep][fast]") {
  sweep::Alarms trunk(two_members());
  for (std::int64_t step = 1; step <= 100; ++step) CHECK(!trunk.seen(0, step, 2.0, 1.0));
  sweep::Alarms branch = trunk;
  CHECK_THAT(branch.seen(0, 101, 4.0, 1.0).value(), ContainsSubstring("loss spike at step 101: 4.0000, 2.000 above"));
  CHECK(trunk.seen(0, 101, 4.0, 1.0));
}
