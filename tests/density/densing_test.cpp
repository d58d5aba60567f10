#include <cmath>

#include "catch.h"
#include "density/density.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("days are counted from the release of Llama-1", "[density][fast]") {
  CHECK(density::days_of("2023-02-27") == 0);
  CHECK(density::days_of("2024-02-27") == 365);
  CHECK(density::days_of("2024-03-01") == 368);  // a leap year
  CHECK(density::days_of("2017-06-12") == -2086);
  for (const char* wrong : {"", "2023", "2023-02-30", "2023-13-01", "2023/02/27", "2023-2-27", "20x3-02-27"})
    CHECK_THROWS_WITH(density::days_of(wrong), ContainsSubstring("expected YYYY-MM-DD"));
}

TEST_CASE("an exact history gives its slope and doubling time", "[density][fast]") {
  constexpr double slope = 0.0073;  // the paper's; its doubling time is 94.95 days
  std::vector<density::DatedDensity> models;
  for (const char* date : {"2023-02-27", "2023-09-01", "2024-04-09", "2025-01-15"}) {
    const double best = std::exp(slope * density::days_of(date) - 1);
    models.push_back({.date = date, .run = "worse", .density = 0.5 * best});
    models.push_back({.date = date, .run = "best", .density = best});
  }
  const auto law = density::densing_law(models);
  CHECK_THAT(law.slope_per_day.value(), WithinRel(slope, 1e-12));
  CHECK_THAT(law.intercept.value(), WithinAbs(-1, 1e-12));
  CHECK_THAT(law.doubling_days.value(), WithinAbs(94.95, 0.005));
  CHECK_THAT(law.r2.value(), WithinAbs(1, 1e-12));
  CHECK_THAT(law.lo.value(), WithinAbs(slope, 1e-9));
  REQUIRE(law.points.size() == 4);
  for (const auto& point : law.points) CHECK(point.run == "best");
}

TEST_CASE("the slope's interval is Student's", "[density][fast]") {
  std::vector<density::DatedDensity> models;
  const std::vector<double> log_density{0.0, 0.5, 0.6};  // at days 0, 1, 2: slope 0.3, residuals -1/15, 2/15, -1/15
  for (std::size_t i = 0; i < 3; ++i)
    models.push_back({.date = fmt::format("2023-03-0{}", i + 1), .run = "r", .density = std::exp(log_density[i])});
  const auto law = density::densing_law(models);
  CHECK_THAT(law.slope_per_day.value(), WithinAbs(0.3, 1e-12));
  const double half = 6.313752 * std::sqrt((6.0 / 225) / 1 / 2);
  CHECK_THAT(law.hi.value() - law.slope_per_day.value(), WithinAbs(half, 1e-9));
  CHECK_THAT(law.slope_per_day.value() - law.lo.value(), WithinAbs(half, 1e-9));
}

TEST_CASE("with fewer than three records there is no densing law, and the points are still given", "[density][fast]") {
  const auto two = density::densing_law(
      {{.date = "2023-02-27", .run = "a", .density = 1}, {.date = "2024-04-09", .run = "b", .density = 2}});
  CHECK_FALSE(two.slope_per_day.has_value());
  CHECK_THAT(two.why_absent, ContainsSubstring("2 recipe date(s); a densing law needs at least 3"));
  CHECK(two.points.size() == 2);
  const auto falling = density::densing_law({{.date = "2020-01-01", .run = "a", .density = 2},
                                             {.date = "2021-01-01", .run = "b", .density = 1},
                                             {.date = "2022-01-01", .run = "c", .density = 3}});
  CHECK_FALSE(falling.slope_per_day.has_value());
  CHECK_THAT(falling.why_absent, ContainsSubstring("2 of 3 recipe dates set a record"));
  CHECK_FALSE(falling.points[1].record);
}
