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

namespace {

/// Densities at these days, with replicates that move each by its own noise.
std::vector<density::DatedDensity> at_days(const std::vector<double>& days, const std::vector<double>& log_density,
                                           double noise = 0, std::size_t replicates = 0) {
  std::vector<density::DatedDensity> models;
  for (std::size_t i = 0; i < days.size(); ++i) {
    auto& model = models.emplace_back();
    model.date = density::date_of(days[i]);
    model.run = fmt::format("r{}", i);
    model.density = std::exp(log_density[i]);
    for (std::size_t k = 0; k < replicates; ++k)
      model.log_replicates.all.push_back(log_density[i] + noise * Stream(i + 1).normals(k)[0]);
    model.log_replicates.of_reference.assign(replicates, log_density[i]);
  }
  return models;
}

}  // namespace

TEST_CASE("days and dates are each other's inverse", "[density][fast]") {
  CHECK(density::date_of(0) == "2023-02-27");
  for (const double days : {-2000.0, -1.0, 1.0, 366.0, 1000.0}) CHECK(density::days_of(density::date_of(days)) == days);
}

TEST_CASE("the interval of the slope becomes one of the doubling time", "[density][fast]") {
  const auto law = density::densing_law(at_days({0, 200, 400, 600}, {0, 0.5, 0.9, 1.5}));
  CHECK_THAT(law.doubling_lo.value(), WithinAbs(std::log(2.0) / law.hi.value(), 1e-9));
  CHECK_THAT(law.doubling_hi.value(), WithinAbs(std::log(2.0) / law.lo.value(), 1e-9));
  CHECK(law.doubling_lo.value() < law.doubling_days.value());
  const auto open = density::densing_law(at_days({0, 200, 210}, {0, 0.1, 0.6}));  // one degree of freedom
  CHECK(open.lo.value() < 0);
  CHECK(open.doubling_lo.has_value());
  CHECK_FALSE(open.doubling_hi.has_value());
  CHECK_THAT(open.sentence, ContainsSubstring("to never"));
  CHECK_THAT(open.sentence, ContainsSubstring("1 degree of freedom remains"));
}

TEST_CASE("a constant stands beside the line, with its variance, criterion and the probability of such a slope",
          "[density][fast]") {
  const auto law = density::densing_law(at_days({0, 1, 2, 3, 4, 5}, {0, 0.5, 0.6, 1.3, 1.5, 2.1}));
  // By hand: mean 1, slope 7.1/17.5, sum of squares 2.96.
  const double slope = 7.1 / 17.5, squares = 2.96 - slope * 7.1;
  const auto& trend = law.trend.value();
  CHECK_THAT(trend.line.null_variance, WithinAbs(2.96 / 5, 1e-9));
  CHECK_THAT(trend.line.variance, WithinAbs(squares / 4, 1e-9));
  CHECK_THAT(trend.aicc.value(), WithinAbs(6 * std::log(squares / 6) + 6 + 24.0 / 2, 1e-9));
  CHECK_THAT(trend.null_aicc.value(), WithinAbs(6 * std::log(2.96 / 6) + 4 + 12.0 / 3, 1e-9));
  const double t = slope / std::sqrt(squares / 4 / 17.5);
  const double x = t / std::sqrt(4 + t * t);  // four degrees of freedom: F = 1/2 + 3/4 (x - x^3/3)
  CHECK_THAT(trend.p, WithinAbs(1 - 1.5 * (x - x * x * x / 3), 1e-12));
  const auto three = density::densing_law(at_days({0, 1, 2}, {0, 0.5, 0.6}));
  CHECK_FALSE(three.trend->aicc.has_value());  // n - k - 1 is not above zero
}

TEST_CASE("over all dates, records or not, the slope is given too", "[density][fast]") {
  const auto law = density::densing_law(at_days({0, 100, 200, 300, 400}, {0, 0.5, 0.2, 0.8, 0.1}));
  CHECK(law.trend->line.points == 3);
  CHECK(law.all_dates->line.points == 5);
  CHECK(law.all_dates->p > law.trend->p);
  CHECK_THAT(law.sentence, ContainsSubstring("over the densest of all 5 dates"));
}

TEST_CASE("the densities' own uncertainty widens the slope's interval", "[density][fast]") {
  const std::vector<double> days{0, 100, 200, 300, 400, 500}, exact{0, 0.3, 0.6, 0.9, 1.2, 1.5};
  const auto by_scatter = density::densing_law(at_days(days, exact));
  const auto by_both = density::densing_law(at_days(days, exact, 0.1, 2000));
  CHECK(by_scatter.hi.value() - by_scatter.lo.value() < 1e-9);
  const double se = 0.1 / std::sqrt(175000.0);
  CHECK_THAT(by_both.hi.value() - by_both.lo.value(), WithinAbs(2 * 1.6449 * se, 0.1 * se));
  CHECK_THAT(by_both.slope_per_day.value(), WithinAbs(0.003, 1e-12));
}
