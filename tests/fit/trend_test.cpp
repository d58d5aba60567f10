#include "fit/trend.h"

#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

/// Runs of a plain grid and the same quantized afterwards to 4 and 3 bits, with a penalty that changes by `per_n` and
/// `per_d` for each e-fold of N and D and is ten times as large at 3 bits.
std::vector<law::RunPoint> quantized(double per_n, double per_d, double noise, std::uint64_t seed) {
  std::vector<law::RunPoint> points;
  const Stream stream(seed);
  std::uint64_t counter = 0;
  for (const auto& trained : synthetic::runs(synthetic::chinchilla(), {16}, 0.004, seed))
    for (const double bits : {3.0, 4.0}) {
      law::RunPoint point = trained;
      point.loss_before = trained.loss;
      point.post = {true, bits, fmt::format("int{}/channel", bits), true};
      point.method = "rtn";
      const double delta = 0.4 + per_n * std::log(trained.params / 1.5e4) + per_d * std::log(trained.tokens / 1e6);
      point.loss += (bits == 3 ? 1 : 0.1) * (delta + noise * stream.normals(counter++)[0]);
      points.push_back(point);
    }
  return points;
}

Trend trend(const std::string& claim, const std::vector<law::RunPoint>& points, std::int64_t replicates = 300) {
  return trend_of(parse_claim(claim), points, replicates, Stream(1));
}

}  // namespace

TEST_CASE("a slope without noise is found exactly, all else held fixed", "[fit][fast]") {
  const auto points = quantized(-0.03, 0.05, 0, 1);
  const double mean_size = (1 + 0.1) / 2;  // of the penalties at 3 and 4 bits
  CHECK_THAT(trend("delta_ptq grows with D", points).slope, WithinRel(mean_size * 0.05, 1e-9));
  CHECK_THAT(trend("delta_ptq grows with N", points).slope, WithinRel(mean_size * -0.03, 1e-9));
  // ln D = (ln D/N + ln N D)/2, ln N = (ln N D - ln D/N)/2
  CHECK_THAT(trend("delta_ptq grows with D/N", points).slope, WithinRel(mean_size * (0.05 + 0.03) / 2, 1e-9));
}

TEST_CASE("a penalty that grows with D/N is seen through noise, and one that does not is not", "[fit]") {
  const Trend grows = trend("delta_ptq grows with D/N", quantized(-0.03, 0.05, 0.02, 2));
  CHECK((grows.lo > 0 && grows.slope < grows.hi && grows.p < 0.01));
  CHECK((grows.runs == 25 && grows.strata == 2));
  int outside = 0, small_p = 0;
  constexpr int kSets = 100;
  for (std::uint64_t set = 0; set < kSets; ++set) {
    const Trend none = trend("delta_ptq grows with D", quantized(-0.03, 0, 0.02, 10 + set), 199);
    outside += none.lo > 0 || none.hi < 0;
    small_p += none.p < 0.05;
  }
  CHECK(outside >= 2);
  CHECK(outside <= 20);
  CHECK(small_p >= 1);
  CHECK(small_p <= 12);
}

TEST_CASE("delta is measured from the unrounded run of the same size, tokens and seed", "[fit][fast]") {
  std::vector<law::RunPoint> points;
  for (const double params : {1e4, 1e5})
    for (const double tokens : {1e6, 2e6, 4e6})
      for (const char* seed : {"1", "2"})
        for (const double bits : {16.0, 4.0}) {
          points.push_back(synthetic::point(params, tokens, bits));
          points.back().seed = seed;
          points.back().run += seed;
          const double of_seed = seed[0] == '1' ? 0.0 : 0.3;
          points.back().loss = 2 + of_seed + (bits == 4 ? 0.02 * std::log(tokens) : 0);
        }
  const Trend found = trend("delta grows with D", points);
  CHECK_THAT(found.slope, WithinRel(0.02, 1e-9));
  CHECK_THAT(found.hi - found.lo, WithinAbs(0, 1e-9));
  CHECK(found.runs == 12);
}

TEST_CASE("loss against bits compares runs of one size and length, unrounded ones left out", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.001, 3);
  const Trend found = trend("loss falls with P", points);
  CHECK(found.hi < 0);
  CHECK((found.runs == 75 && found.strata == 25));
}

TEST_CASE("a trend depends neither on the order of its runs nor on what is constant", "[fit][fast]") {
  auto points = quantized(-0.03, 0.05, 0.02, 4);
  const Trend one = trend("delta_ptq grows with D/N", points);
  points.push_back(synthetic::point(7e4, 3e6, 8));  // a stratum of its own says nothing
  points.back().loss_before = points.back().loss = 3;
  points.back().post = {true, 8, "int8/channel", true};
  std::reverse(points.begin(), points.end());
  const Trend other = trend("delta_ptq grows with D/N", points);
  CHECK((one.slope == other.slope && one.lo == other.lo && one.hi == other.hi && one.p == other.p));
}

TEST_CASE("a variable that does not vary apart from the rest has no slope", "[fit][fast]") {
  std::vector<law::RunPoint> points;
  for (const double params : {1e4, 2e4, 4e4, 8e4}) points.push_back(synthetic::point(params, 20 * params, 16));
  for (auto& point : points) point.loss = 3;
  CHECK_THAT(lacking_for_trend(parse_claim("loss grows with D/N"), points), ContainsSubstring("one value"));
  CHECK_THAT(lacking_for_trend(parse_claim("loss grows with D"), points), ContainsSubstring("one value"));
  for (auto& point : points) point.tokens = 1e20 / point.params / point.params / point.params;
  CHECK_THAT(lacking_for_trend(parse_claim("loss grows with D/N"), points), ContainsSubstring("do not vary apart"));
}
