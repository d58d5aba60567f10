#include "fit/fit.h"

#include <algorithm>
#include <limits>

#include "fit/solver.h"
#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

FitOptions quick(std::int64_t replicates = 0) {
  FitOptions options;
  options.starts = 24;
  options.bootstrap = replicates;
  return options;
}

const Interval& parameter(const FitSummary& fit, const std::string& symbol) {
  const auto found = std::find(fit.symbols.begin(), fit.symbols.end(), symbol);
  REQUIRE(found != fit.symbols.end());
  return fit.parameters[std::size_t(found - fit.symbols.begin())];
}

}  // namespace

TEST_CASE("huber is a parabola inside delta and a line outside, joined smoothly", "[fit][fast]") {
  CHECK(huber(5e-4, 1e-3) == 0.5 * 5e-4 * 5e-4);
  CHECK_THAT(huber(-3e-3, 1e-3), WithinRel(1e-3 * (3e-3 - 5e-4), 1e-15));
  CHECK_THAT(huber(1e-3 * (1 + 1e-9), 1e-3), WithinRel(huber(1e-3, 1e-3), 1e-8));
}

TEST_CASE("a law is recovered exactly from runs without noise", "[fit]") {
  const FitSummary truth = synthetic::kumar_tied();
  const FitSummary found = fit::fit("kumar_tied", synthetic::runs(truth, {3, 4, 6, 8, 16}, 0, 1), quick());
  for (std::size_t k = 0; k < truth.symbols.size(); ++k)
    CHECK_THAT(parameter(found, truth.symbols[k]).value, WithinRel(truth.parameters[k].value, 1e-5));
  CHECK(found.rms_log < 1e-8);
  CHECK_THAT(found.r2, WithinAbs(1, 1e-9));
}

TEST_CASE("intervals contain a known law from noisy runs and call it identified", "[fit]") {
  const FitSummary truth = synthetic::kumar_tied();
  const FitSummary found = fit::fit("kumar_tied", synthetic::runs(truth, {3, 4, 6, 8, 16}, 0.003, 3), quick(200));
  REQUIRE(found.bootstrap.size() == 200);
  for (const char* symbol : {"E", "alpha", "beta", "gamma"}) {
    const Interval& interval = parameter(found, symbol);
    INFO(symbol);
    CHECK(*interval.lo < interval.value);
    CHECK(interval.value < *interval.hi);
    CHECK(*interval.identified);
  }
  const double E = 1.6, gamma = 1.5;
  CHECK((*parameter(found, "E").lo < E && E < *parameter(found, "E").hi));
  CHECK((*parameter(found, "gamma").lo < gamma && gamma < *parameter(found, "gamma").hi));
}

TEST_CASE("ninety of a hundred intervals cover the truth, within the spread of so few data sets", "[fit][slow]") {
  const FitSummary truth = synthetic::chinchilla();
  FitOptions options = quick(120);
  options.starts = 6;
  int covered = 0, intervals = 0;
  for (std::uint64_t set = 0; set < 40; ++set) {
    const FitSummary found = fit::fit("chinchilla", synthetic::runs(truth, {16}, 0.005, 100 + set), options);
    for (std::size_t k = 0; k < truth.symbols.size(); ++k) {
      const Interval& interval = parameter(found, truth.symbols[k]);
      covered += *interval.lo <= truth.parameters[k].value && truth.parameters[k].value <= *interval.hi;
      ++intervals;
    }
  }
  CHECK(covered > 0.75 * intervals);
  CHECK(covered < 0.99 * intervals);
}

TEST_CASE("a parameter that the data cannot tell is not identified, and what makes up for it is named", "[fit]") {
  auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.003, 5);
  const auto more = synthetic::runs(synthetic::chinchilla(), {16}, 0.003, 6);
  points.insert(points.end(), more.begin(), more.end());
  for (auto& point : points) {  // D = 60 N throughout: size and data cannot be told apart
    const double tokens = 60 * point.params;
    point.loss *= (1.6 + 8 * std::pow(point.params, -0.22) + 120 * std::pow(tokens, -0.3)) /
                  (1.6 + 8 * std::pow(point.params, -0.22) + 120 * std::pow(point.tokens, -0.3));
    point.tokens = tokens;
  }
  const FitSummary found = fit::fit("chinchilla", points, quick(100));
  for (const char* symbol : {"A", "B"}) {
    const auto& with = parameter(found, symbol).with;
    INFO(symbol);
    CHECK_FALSE(*parameter(found, symbol).identified);
    CHECK(!with.empty());
  }
}

TEST_CASE("a profile closes where the data set a limit, and stays open where they do not", "[fit]") {
  const FitSummary known =
      fit::fit("kumar_tied", synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 8, 16}, 0.003, 3), quick(100));
  const Interval& gamma = parameter(known, "gamma");
  REQUIRE((gamma.profile_lo && gamma.profile_hi));
  CHECK((*gamma.profile_lo < gamma.value && gamma.value < *gamma.profile_hi));
  const double ratio = (*gamma.profile_hi - *gamma.profile_lo) / (*gamma.hi - *gamma.lo);
  CHECK((ratio > 0.5 && ratio < 2));  // two ways to the same interval
  CHECK(gamma.with.empty());
  const FitSummary one =
      fit::fit("kumar_tied", synthetic::runs(synthetic::kumar_tied(), {4, 16}, 0.003, 3), quick(100));
  CHECK_FALSE((parameter(one, "gamma").profile_lo && parameter(one, "gamma").profile_hi));
  CHECK_FALSE(*parameter(one, "gamma").identified);
  CHECK(parameter(one, "gamma").with == std::vector<std::string>{"n"});
}

TEST_CASE("a fit depends neither on the order of its runs nor on the number of threads", "[fit]") {
  auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 16}, 0.004, 6);
  FitOptions options = quick(20);
  options.threads = 1;
  const FitSummary one = fit::fit("kumar_tied", points, options);
  std::reverse(points.begin(), points.end());
  std::rotate(points.begin(), points.begin() + 7, points.end());
  options.threads = 3;
  const FitSummary other = fit::fit("kumar_tied", points, options);
  CHECK(one.values() == other.values());
  CHECK(one.bootstrap == other.bootstrap);
  CHECK(one.objective == other.objective);
}

TEST_CASE("another seed draws other replicates", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.004, 6);
  FitOptions options = quick(10);
  const auto one = fit::fit("chinchilla", points, options);
  options.seed = 2;
  CHECK(fit::fit("chinchilla", points, options).bootstrap != one.bootstrap);
}

TEST_CASE("fixed and tied parameters stay so in the fit and in every replicate", "[fit]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.004, 8);
  FitOptions options = quick(20);
  options.fix = {{"E", 1.7}};
  options.ties = {{"alpha", "beta"}};
  const FitSummary found = fit::fit("chinchilla", points, options);
  CHECK(parameter(found, "E").value == 1.7);
  CHECK_FALSE(parameter(found, "E").lo.has_value());
  CHECK(parameter(found, "alpha").value == parameter(found, "beta").value);
  for (const auto& replicate : found.bootstrap) CHECK((replicate[0] == 1.7 && replicate[3] == replicate[4]));
}

TEST_CASE("a fixed A is in natural units", "[fit]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0, 8);
  FitOptions options = quick();
  options.fix = {{"A", 8}};
  const FitSummary found = fit::fit("chinchilla", points, options);
  CHECK(parameter(found, "A").value == 8);
  CHECK_THAT(parameter(found, "alpha").value, WithinRel(0.22, 1e-4));
}

TEST_CASE("a part that is rounded nowhere has no parameters", "[fit][fast]") {
  auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.003, 4);
  for (auto& point : points) point.activations = point.kv = law::Part{};
  const FitSummary found = fit::fit("kumar_joint", points, quick());
  CHECK(found.symbols == std::vector<std::string>{"E", "A", "B", "alpha", "beta", "gamma_w", "n_w"});
}

TEST_CASE("free_eff has one constant for each precision, and finds it", "[fit]") {
  const FitSummary truth = synthetic::kumar_tied();
  const auto points = synthetic::runs(truth, {3, 4, 8, 16}, 0, 1);
  const FitSummary found = fit::fit("free_eff", points, quick());
  for (const double bits : {3.0, 4.0, 8.0}) {
    const double share = n_eff_share(truth, truth.values(), synthetic::point(1e4, 1e6, bits));
    CHECK_THAT(parameter(found, fmt::format("eff_{}", bits)).value, WithinRel(share, 1e-4));
    CHECK_THAT(n_eff_share(found, found.values(), synthetic::point(1e5, 1e5, bits)), WithinRel(share, 1e-4));
  }
  CHECK(n_eff_share(found, found.values(), synthetic::point(1e4, 1e6, 16)) == 1.0);
  CHECK(std::isnan(n_eff_share(found, found.values(), synthetic::point(1e4, 1e6, 5))));
}

TEST_CASE("runs held out are predicted by a fit without them", "[fit]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0, 1);
  FitOptions options = quick();
  options.holdout = "largest_n:1";
  const FitSummary found = fit::fit("chinchilla", points, options);
  REQUIRE(found.holdout.has_value());
  CHECK(found.holdout->rows == 5);
  CHECK(*found.holdout->rms_log < 1e-6);
  CHECK(found.rows == 25);
  options.holdout = "largest_d:2";
  CHECK(fit::fit("chinchilla", points, options).holdout->rows == 10);
  options.holdout = "fraction:0.2";
  CHECK(fit::fit("chinchilla", points, options).holdout->rows == 5);
  for (const char* wrong : {"largest_n", "largest_n:5", "largest_n:1.5", "fraction:2", "smallest_n:1", "largest_d:x"}) {
    options.holdout = wrong;
    CHECK_THROWS_AS(fit::fit("chinchilla", points, options), Error);
  }
}

TEST_CASE("a run whose factor cannot be above zero is excluded and named", "[fit]") {
  auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.003, 4);
  FitOptions options = quick();
  options.fix = {{"gamma", 1.5}, {"n", 2.2}};  // 1 - e^(2.2 - 3/1.5) < 0
  const FitSummary found = fit::fit("kumar_tied", points, options);
  CHECK(found.excluded.size() == 25);
  CHECK(found.rows == 75);
  CHECK_THAT(found.excluded.front().why, ContainsSubstring("factor"));
}

TEST_CASE("the best start is among many, and every end is kept, best first", "[fit][fast]") {
  const FitSummary found =
      fit::fit("kumar_weights", synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.003, 4), quick());
  CHECK(found.starts.size() == 24);
  CHECK(found.starts_at_best >= 12);
  CHECK(std::is_sorted(found.starts.begin(), found.starts.end(),
                       [](const auto& a, const auto& b) { return a.objective < b.objective; }));
  CHECK(found.objective <= found.starts.front().objective * (1 + 1e-12));
}

TEST_CASE("a fit that cannot be made is refused with its reason", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.003, 4);
  const std::vector<law::RunPoint> few(points.begin(), points.begin() + 5);
  CHECK_THROWS_WITH(fit::fit("chinchilla", few, quick()),
                    ContainsSubstring("more runs than its 5 free parameters, got 5"));
  CHECK_THROWS_WITH(fit::fit("kumar_tied", points, quick()), ContainsSubstring("no run is rounded"));
  CHECK_THROWS_WITH(fit::fit("chinchila", points, quick()), ContainsSubstring("kaplan, chinchilla"));
  CHECK_THROWS_WITH(fit::fit("qid", points, quick()), ContainsSubstring("quantized after training"));
  auto one_size = points;
  std::erase_if(one_size, [](const auto& p) { return p.params != 1.5e3; });
  for (int k = 0; k < 2; ++k) one_size.insert(one_size.end(), one_size.begin(), one_size.begin() + 5);
  CHECK_THROWS_WITH(fit::fit("chinchilla", one_size, quick()),
                    ContainsSubstring("N: expected at least 2 different values"));
  FitOptions options = quick();
  options.fix = {{"gamma", 2}};
  CHECK_THROWS_WITH(fit::fit("chinchilla", points, options), ContainsSubstring("no parameter 'gamma'"));
  options.fix = {{"alpha", 7}};
  CHECK_THROWS_WITH(fit::fit("chinchilla", points, options), ContainsSubstring("got 7"));
  options = quick();
  options.ties = {{"A", "B"}};
  CHECK_THROWS_WITH(fit::fit("chinchilla", points, options), ContainsSubstring("only exponents"));
  options = quick();
  options.huber_delta = -1;
  CHECK_THROWS_WITH(fit::fit("chinchilla", points, options), ContainsSubstring("got -1"));
}

TEST_CASE("where all parts share their bits, kumar_joint calls its constants not identified", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.003, 4);
  const FitSummary found = fit::fit("kumar_joint", points, quick(30));
  CHECK_FALSE(found.condition.has_value());
  for (const char* symbol : {"gamma_w", "n_w", "gamma_a", "n_a", "gamma_kv", "n_kv"}) {
    INFO(symbol);
    CHECK(parameter(found, symbol).identified == false);
    CHECK_FALSE(parameter(found, symbol).lo.has_value());
  }
  CHECK(parameter(found, "beta").lo.has_value());
}
