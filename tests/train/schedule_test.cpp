#include "train/schedule.h"

#include <cmath>

#include "catch.h"
#include "record/training_choices.h"

using namespace vernier;

TEST_CASE("the trunk warms up linearly and then stays", "[train][fast]") {
  CHECK(train::trunk_rate(0.4, 0, 4) == 0.1);
  CHECK(train::trunk_rate(0.4, 3, 4) == 0.4);
  CHECK(train::trunk_rate(0.4, 1000, 4) == 0.4);
  CHECK(train::trunk_rate(0.4, 0, 0) == 0.4);
}

TEST_CASE("warmup-stable-decay is its trunk and its branch, exactly", "[train][fast]") {
  const TrainingSpec spec{.cooldown = 0.2};
  for (std::int64_t step = 0; step < 100; ++step)
    CHECK(train::rate_at(spec, 0.4, step, 10, 100) ==
          (step < 80 ? train::trunk_rate(0.4, step, 10) : train::branch_rate(0.4, step, 80, 100)));
}

TEST_CASE("a schedule that needs no horizon has the same rates on the trunk whatever the horizon", "[train][fast]") {
  for (const ScheduleRow& row : kSchedules) {
    INFO(row.name);
    TrainingSpec spec{.cooldown = 0.2};
    spec.schedule = row.name;
    const std::int64_t shared = steps_of(spec, 50).leave;
    CHECK((shared == 0) == row.needs_horizon);
    for (std::int64_t step = 0; step < shared; ++step)
      CHECK(train::rate_at(spec, 0.4, step, 10, 50) == train::rate_at(spec, 0.4, step, 10, 100));
    CHECK(steps_of(spec, 50).leave + steps_of(spec, 50).cooldown == 50);
  }
}

TEST_CASE("every schedule rises to the top over the warm-up and never above it", "[train][fast]") {
  for (const ScheduleRow& row : kSchedules) {
    INFO(row.name);
    TrainingSpec spec{.cooldown = 0.2};
    spec.schedule = row.name;
    CHECK(train::rate_at(spec, 0.4, 4, 10, 100) == 0.2);
    CHECK(train::rate_at(spec, 0.4, 9, 10, 100) == 0.4);
    for (std::int64_t step = 10; step < 100; ++step)
      CHECK(train::rate_at(spec, 0.4, step, 10, 100) <= train::rate_at(spec, 0.4, step - 1, 10, 100));
  }
}

TEST_CASE("a branch cools as one minus the root of its progress", "[train][fast]") {
  CHECK(train::branch_rate(0.4, 80, 80, 100) == 0.4);
  CHECK(std::abs(train::branch_rate(0.4, 85, 80, 100) - 0.2) < 1e-12);
  CHECK(train::branch_rate(0.4, 99, 80, 100) > 0);
  CHECK(train::branch_rate(0.4, 100, 80, 100) == 0);
}
