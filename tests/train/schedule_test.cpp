#include "train/schedule.h"

#include <cmath>

#include "catch.h"

using namespace vernier;

TEST_CASE("the trunk warms up linearly and then stays", "[train][fast]") {
  CHECK(train::trunk_rate(0.4, 0, 4) == 0.1);
  CHECK(train::trunk_rate(0.4, 3, 4) == 0.4);
  CHECK(train::trunk_rate(0.4, 1000, 4) == 0.4);
  CHECK(train::trunk_rate(0.4, 0, 0) == 0.4);
}

TEST_CASE("a branch cools as one minus the root of its progress", "[train][fast]") {
  CHECK(train::branch_rate(0.4, 80, 80, 100) == 0.4);
  CHECK(std::abs(train::branch_rate(0.4, 85, 80, 100) - 0.2) < 1e-12);
  CHECK(train::branch_rate(0.4, 99, 80, 100) > 0);
  CHECK(train::branch_rate(0.4, 100, 80, 100) == 0);
}
