// What holds of every law, whatever its formula; the facts that differ stand in samples.h.
#include <ceres/jet.h>

#include "law/allocate.h"
#include "law/invert.h"

#include "samples.h"

#include "catch.h"

using namespace samples;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

template <class Law>
constexpr bool is_post_training = target_of<Law>() == Target::PostTraining;

/// Parts of a run's loss that do not come from the law.
template <class Law>
double given(const RunPoint& run) {
  return is_post_training<Law> ? run.loss_before : 0;
}

template <class Law>
Parameters<double, Law::symbols.size()> of_baseline(Parameters<double, Law::symbols.size()> theta) {
  for (std::size_t k = 0; k < theta.size(); ++k)
    if (Law::symbols[k].per != Per::All) theta[k] = 1;  // what a fit gives the baseline
  return theta;
}

RunPoint with(RunPoint run, double params, double tokens) {
  run.params = params, run.tokens = tokens;
  return run;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("derivatives by Jets equal central differences", "[law][fast]", Laws) {
  constexpr std::size_t K = TestType::symbols.size();
  using Jet = ceres::Jet<double, int(K)>;
  const auto& theta = kFacts<TestType>.theta;
  for (const RunPoint& run : runs()) {
    Parameters<Jet, K> jets;
    for (std::size_t k = 0; k < K; ++k) jets[k] = Jet(theta[k], int(k));
    const Jet loss = TestType::loss(jets, run);
    REQUIRE(std::isfinite(loss.a));
    CHECK_THAT(loss.a, WithinRel(TestType::loss(theta, run), 1e-14));
    for (std::size_t k = 0; k < K; ++k) {
      auto above = theta, below = theta;
      const double h = 1e-5 * (theta[k] == 0 ? 1e-2 : std::abs(theta[k]));
      above[k] += h, below[k] -= h;
      const double difference = (TestType::loss(above, run) - TestType::loss(below, run)) / (2 * h);
      INFO(TestType::name << " by " << TestType::symbols[k].name);
      CHECK_THAT(loss.v[int(k)] * h, WithinAbs(difference * h, 1e-8 * std::abs(difference * h) + 2e-14 * loss.a));
    }
  }
}

TEMPLATE_LIST_TEST_CASE("every symbol has a unit, and starts inside its admissible range", "[law][fast]", Laws) {
  for (const Symbol& symbol : TestType::symbols) {
    INFO(TestType::name << " " << symbol.name);
    CHECK_FALSE(symbol.unit.empty());
    CHECK(symbol.lowest < symbol.highest);
    CHECK((symbol.lowest <= symbol.start_lowest && symbol.start_highest <= symbol.highest));
    CHECK(symbol.start_lowest <= symbol.start_highest);
    CHECK((symbol.scale == Scale::Linear || symbol.lowest > 0));
    CHECK((!symbol.usual || (*symbol.usual >= symbol.lowest && *symbol.usual <= symbol.highest)));
  }
  for (std::size_t k = 0; k < TestType::symbols.size(); ++k) {
    const Symbol& symbol = TestType::symbols[k];
    INFO(TestType::name << " " << symbol.name);
    const double published = kFacts<TestType>.theta[k];
    CHECK((published >= symbol.lowest && published <= symbol.highest));
  }
}

TEMPLATE_LIST_TEST_CASE("coefficients enter linearly", "[law][fast]", Laws) {
  for (const RunPoint& run : runs())
    for (std::size_t k = 0; k < TestType::coefficients; ++k) {
      auto none = kFacts<TestType>.theta, half = none;
      if (none[k] == 0) none[k] = 1, half[k] = 0.5;
      const double whole = TestType::loss(none, run);
      half[k] = none[k] / 2, none[k] = 0;
      INFO(TestType::name << " " << TestType::symbols[k].name);
      CHECK_THAT(TestType::loss(half, run), WithinRel((whole + TestType::loss(none, run)) / 2, 1e-13));
    }
}

TEMPLATE_LIST_TEST_CASE("the loss falls as N and D grow, and a penalty for rounding grows with D", "[law][fast]",
                        Laws) {
  const auto& facts = kFacts<TestType>;
  const auto loss = [&](const RunPoint& run) { return TestType::loss(facts.theta, run); };
  for (const RunPoint& run : runs()) {
    if (!facts.by_size) continue;
    INFO(TestType::name);
    CHECK(loss(with(run, 2 * run.params, run.tokens)) < loss(run));
    const double more_data = loss(with(run, run.params, 2 * run.tokens));
    if (is_post_training<TestType>)
      CHECK(more_data > loss(run));  // what was lost before is given
    else if (!facts.penalises || !is_rounded(run))
      CHECK(more_data < loss(run));
  }
}

TEMPLATE_LIST_TEST_CASE("a penalty grows with D and falls with N, and with the bits after training", "[law][fast]",
                        Laws) {
  const auto& facts = kFacts<TestType>;
  if (!facts.penalises) return;
  const auto penalty = [&](const RunPoint& run) {
    RunPoint plain = baseline(run.params, run.tokens);
    return TestType::loss(facts.theta, run) -
           (is_post_training<TestType> ? given<TestType>(run) : TestType::loss(facts.theta, plain));
  };
  RunPoint run = rounded(1e8, 1e10, 7, 7, 7);
  INFO(TestType::name);
  CHECK(penalty(run) > 0);
  CHECK(penalty(with(run, 2e8, 1e10)) < penalty(run));
  CHECK(penalty(with(run, 1e8, 2e10)) > penalty(run));
  if (!is_post_training<TestType>) return;
  double before = penalty(run);
  for (const double bits : {5, 6}) {
    run.post.bits = bits;
    CHECK(penalty(run) < before);
    before = penalty(run);
  }
}

TEMPLATE_LIST_TEST_CASE("the loss falls as bits grow, towards that of runs that are not rounded", "[law][fast]", Laws) {
  const auto& facts = kFacts<TestType>;
  if (!facts.by_bits) return;
  const auto loss = [&](double bits) {
    return TestType::loss(facts.theta, weights_only(1e8, 1e10, as_float((bits - 1) / 2, (bits - 1) / 2)));
  };
  auto exact = facts.theta;
  for (std::size_t k = 0; k < exact.size(); ++k)
    if (TestType::symbols[k].name == "K1") exact[k] = 1;  // below 1 some capacity is lost at any number of bits
  INFO(TestType::name);
  for (double bits = 3; bits < 16; ++bits) CHECK(loss(bits + 1) < loss(bits));
  const double plain = TestType::loss(exact, baseline(1e8, 1e10));
  CHECK_THAT(TestType::loss(exact, weights_only(1e8, 1e10, as_float(60, 60))), WithinRel(plain, 1e-9));
}

TEMPLATE_LIST_TEST_CASE("a run that is not rounded follows the base form, exactly", "[law][fast]", Laws) {
  const auto& facts = kFacts<TestType>;
  const RunPoint run = baseline(1e8, 1e10);
  INFO(TestType::name);
  if constexpr (has_share<TestType>) CHECK(TestType::log_share(of_baseline<TestType>(facts.theta), run) == 0.0);
  if (facts.base) CHECK_THAT(TestType::loss(facts.theta, run), WithinRel(Chinchilla::loss(*facts.base, run), 1e-14));
}

TEMPLATE_LIST_TEST_CASE("with N and D beyond all bounds, E is left, or what the law leaves", "[law][fast]", Laws) {
  const auto& facts = kFacts<TestType>;
  if (!facts.by_size) return;
  double floor = 0;
  for (std::size_t k = 0; k < facts.theta.size(); ++k)
    if (TestType::symbols[k].name == "E" || TestType::symbols[k].name == "eps") floor = facts.theta[k];
  INFO(TestType::name);
  RunPoint far = baseline(1e280, 1e280);
  if (!is_post_training<TestType>) CHECK_THAT(TestType::loss(facts.theta, far), WithinAbs(floor, 1e-6));
  if (facts.penalises) {  // a larger model forgets its rounding
    far = rounded(1e280, 1e10, 7, 7, 7);
    const double plain =
        is_post_training<TestType> ? far.loss_before : TestType::loss(facts.theta, baseline(1e280, 1e10));
    CHECK_THAT(TestType::loss(facts.theta, far), WithinAbs(plain, 1e-9));
  }
}

TEMPLATE_LIST_TEST_CASE("parameters fitted to N/n0 and D/d0 give the same loss in natural units", "[law][fast]", Laws) {
  const auto& theta = kFacts<TestType>.theta;
  const double n0 = 3e5, d0 = 7e7;
  for (const RunPoint& run : runs()) {
    const RunPoint centred = with(run, run.params / n0, run.tokens / d0);
    INFO(TestType::name);
    CHECK_THAT(TestType::loss(TestType::natural(theta, n0, d0), run), WithinRel(TestType::loss(theta, centred), 1e-12));
  }
}

TEMPLATE_LIST_TEST_CASE("the surface of a law at one precision is the law", "[law][fast]", Laws) {
  if constexpr (has_surface<TestType>)
    for (const RunPoint& run : runs()) {
      const auto& theta = kFacts<TestType>.theta;
      const Surface surface = TestType::surface(theta, run);
      INFO(TestType::name);
      REQUIRE(is_inside(surface));
      for (const double n : {1e6, 1e9})
        for (const double d : {1e8, 1e12})
          CHECK_THAT(loss_at(surface, n, d), WithinRel(TestType::loss(theta, with(run, n, d)), 1e-12));
    }
}

TEMPLATE_LIST_TEST_CASE("N and D of a loss give that loss back", "[law][fast]", Laws) {
  if constexpr (has_surface<TestType>)
    for (const RunPoint& run : runs()) {
      const auto& theta = kFacts<TestType>.theta;
      const double loss = TestType::loss(theta, run);
      INFO(TestType::name);
      const auto n = n_hat<TestType>(theta, loss, run);
      REQUIRE(n);
      CHECK_THAT(*n, WithinRel(run.params, 1e-9));
      CHECK_THAT(TestType::loss(theta, with(run, *n, run.tokens)), WithinRel(loss, 1e-13));
      const auto d = d_hat<TestType>(theta, loss, run);
      if (is_post_training<TestType>) {  // what was lost before is given, so more data only lose more
        CHECK_FALSE(d);
        continue;
      }
      REQUIRE(d);
      CHECK_THAT(TestType::loss(theta, with(run, run.params, *d)), WithinRel(loss, 1e-13));
      CHECK(*d <= run.tokens * (1 + 1e-9));  // the smaller one, where more data do harm
    }
}

TEMPLATE_LIST_TEST_CASE("a loss at or below what any size reaches has no size, nor one that no data reach",
                        "[law][fast]", Laws) {
  if constexpr (has_surface<TestType>)
    for (const RunPoint& run : runs()) {
      const auto& theta = kFacts<TestType>.theta;
      const Surface s = TestType::surface(theta, run);
      const double best_by_size = loss_at(s, 1e300, run.tokens);
      const double best_by_data = loss_at(s, run.params, std::min(d_crit(s, run.params).value_or(1e300), 1e300));
      INFO(TestType::name);
      CHECK_FALSE(n_hat<TestType>(theta, best_by_size * (1 - 1e-6), run));
      CHECK_FALSE(d_hat<TestType>(theta, best_by_data * (1 - 1e-6), run));
      CHECK_FALSE(n_hat<TestType>(theta, s.E, run));
      CHECK_FALSE(d_hat<TestType>(theta, -1, run));
      if (s.A > 0 || s.c > 0) CHECK(n_hat<TestType>(theta, best_by_size + 0.1, run));
    }
}

TEMPLATE_LIST_TEST_CASE("no neighbour of N* on the same product is better, nor of D_crit at the same N", "[law][fast]",
                        Laws) {
  if constexpr (has_surface<TestType>)
    for (const RunPoint& run : runs()) {
      const Surface s = TestType::surface(kFacts<TestType>.theta, run);
      INFO(TestType::name);
      if (s.A > 0 && s.B > 0) {
        const double product = 1e19, n = best_params(s, product);
        for (const double other : {0.99 * n, 1.01 * n})
          CHECK(above_floor(s, other, product / other) > above_floor(s, n, product / n));
      }
      CHECK(d_crit(s, run.params).has_value() == (s.B > 0 && s.c > 0));
      if (const auto d = d_crit(s, run.params))
        for (const double other : {0.99 * *d, 1.01 * *d})
          CHECK(above_floor(s, run.params, other) > above_floor(s, run.params, *d));
    }
}

TEST_CASE("D_crit and N* of a penalty on a law with an outer exponent are roots, too", "[law][fast]") {
  Surface s = Kaplan::surface({0.045, 0.399, 4.74e19, 7.63e10}, {});
  s.c = 0.017 * std::pow(4.0, -5.4967), s.gD = 0.5251, s.gN = 0.2261;  // QiD at 4 bits, arXiv 2411.17691
  const double d = d_crit(s, 1e9).value();
  for (const double other : {0.999 * d, 1.001 * d}) CHECK(loss_at(s, 1e9, other) > loss_at(s, 1e9, d));
  const double n = best_params(s, 1e21);
  for (const double other : {0.999 * n, 1.001 * n}) CHECK(loss_at(s, other, 1e21 / other) > loss_at(s, n, 1e21 / n));
}

TEST_CASE("a crossing is found to the last digits, and an end where there is none", "[law][fast]") {
  CHECK_THAT(crossing([](double x) { return std::exp(x) - 3; }, -600, 600), WithinAbs(std::log(3.0), 1e-14));
  CHECK_THAT(crossing([](double x) { return x < 0.1 ? -1.0 : 1.0; }, -600, 600), WithinAbs(0.1, 1e-14));
  CHECK_THAT(crossing([](double x) { return x * x * x - 1e-30; }, -5, 7), WithinAbs(1e-10, 1e-14));
  CHECK(crossing([](double x) { return x; }, 1, 2) == 1);
  CHECK(crossing([](double x) { return x; }, -2, -1) == -1);
}
