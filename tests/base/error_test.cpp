#include "base/error.h"

#include "base/check.h"
#include "base/table.h"
#include "catch.h"

using namespace vernier;

TEST_CASE("all problems are refused at once", "[base][fast]") {
  Problems problems;
  CHECK_NOTHROW(refuse_if(problems));
  expect_positive(problems, "fit.huber_delta", -1);
  expect_share(problems, "training.cooldown", 1.5);
  expect_share(problems, "training.cooldown", 0.5);
  CHECK_THROWS_WITH(refuse_if(problems),
                    "fit.huber_delta: expected a positive finite number, got -1\n"
                    "training.cooldown: expected a share from 0 to 1, got 1.5");
}

TEST_CASE("a look-up that fails names the alternatives", "[base][fast]") {
  struct Row {
    std::string_view name;
    int value;
  };
  static constexpr std::array kRows{Row{"nearest", 1}, Row{"stochastic", 2}};
  static_assert(names_differ(kRows));
  CHECK(row_named("rounding", kRows, "stochastic").value == 2);
  CHECK_THROWS_WITH(row_named("rounding", kRows, "up"), "no rounding is called 'up'; known: nearest, stochastic");
}
