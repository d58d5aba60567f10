#include "fit/optimum.h"

#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::WithinRel;

namespace {

FitSummary kumar_tied_with(double gamma, double n) {
  return synthetic::law_of(
      "kumar_tied",
      {{"E", 2.7648}, {"A", 4.299e3}, {"B", 1.806e4}, {"alpha", 0.4965}, {"beta", 0.4965}, {"gamma", gamma}, {"n", n}});
}

Optimum optimum_of(const FitSummary& law, const Budget& budget) { return optimum(law, law.values(), budget); }

}  // namespace

TEST_CASE("the optimum spends the budget, and no neighbour on the budget is better", "[fit][fast]") {
  const FitSummary law = kumar_tied_with(1.9, 0.2);
  const Budget budget{1e20, {}, {}, {}};
  const Optimum best = optimum_of(law, budget);
  CHECK_THAT(6 * best.n * best.d * *best.p / 16, WithinRel(1e20, 1e-12));
  CHECK(best.interior);
  CHECK(best.bounds.empty());
  for (const double n : {0.98, 1.02})
    for (const double p : {0.98, 1.0, 1.02}) {
      auto point = synthetic::point(best.n * n, best.d / (n * p), *best.p * p);
      CHECK(loss(law, law.values(), point) > best.loss);
    }
}

TEST_CASE("one factor without offset has no best precision: f/P only falls", "[fit][fast]") {
  const FitSummary law = synthetic::law_of(
      "kumar_weights",
      {{"E", 2.7}, {"A", 4e3}, {"B", 1e4}, {"alpha", 0.5}, {"beta", 0.5}, {"gamma_w", 2.6}, {"n_w", 0}});
  const Optimum best = optimum_of(law, {1e20, {}, {}, {}});
  CHECK_FALSE(best.interior);
  CHECK_THAT(*best.p, WithinRel(1.0, 1e-9));
  REQUIRE(best.bounds.size() == 1);
  CHECK(best.bounds[0] == "p = 1");
}

TEST_CASE("held values stay, and the rest follows from the budget", "[fit][fast]") {
  const FitSummary law = kumar_tied_with(1.9, 0.2);
  const Optimum n_held = optimum_of(law, {1e20, 1e8, {}, {}});
  CHECK(n_held.n == 1e8);
  CHECK_THAT(6 * n_held.n * n_held.d * *n_held.p / 16, WithinRel(1e20, 1e-12));
  const Optimum d_held = optimum_of(law, {1e20, {}, 1e10, {}});
  CHECK(d_held.d == 1e10);
  CHECK_THAT(*d_held.p, WithinRel(*optimum_of(law, {1e20, {}, {}, {}}).p, 1e-6));  // f/P again
  CHECK(*optimum_of(law, {1e20, {}, {}, 8}).p == 8);
}

TEST_CASE("a law without precision has no P and costs 6 N D", "[fit][fast]") {
  const Optimum best = optimum_of(synthetic::chinchilla(), {1e15, {}, {}, {}});
  CHECK_FALSE(best.p.has_value());
  CHECK_THAT(6 * best.n * best.d, WithinRel(1e15, 1e-12));
  CHECK_THROWS_AS(optimum_of(synthetic::chinchilla(), {1e15, {}, {}, 8}), Error);
  CHECK_THROWS_AS(optimum_of(synthetic::chinchilla(), {-1, {}, {}, {}}), Error);
}

TEST_CASE("free_eff chooses the format with most efficiency per bit", "[fit][fast]") {
  FitSummary law = synthetic::law_of("free_eff", {{"E", 1.6},
                                                  {"A", 8},
                                                  {"B", 120},
                                                  {"alpha", 0.22},
                                                  {"beta", 0.3},
                                                  {"eff_2", 0.15},
                                                  {"eff_int4", 0.69},
                                                  {"eff_8", 1.0}});
  law.labels = {{"eff_2", "2bit 2bit"}, {"eff_int4", "int4/channel int4/tensor int4/tensor"}, {"eff_8", "8bit 8bit"}};
  const Optimum best = optimum_of(law, {1e15, {}, {}, {}});
  CHECK((*best.p == 4 && best.interior));
  law.parameters[5].value = 0.6;
  CHECK_FALSE(optimum_of(law, {1e15, {}, {}, {}}).interior);
  CHECK_THROWS_AS(optimum_of(law, {1e15, {}, {}, 5}), Error);
}

TEST_CASE("intervals of the optimum come from the replicates", "[fit][fast]") {
  FitOptions options;
  options.starts = 8;
  options.bootstrap = 40;
  const auto law =
      fit::fit("kumar_tied", synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 8, 16}, 0.002, 9), options);
  const auto found = optimum_with_intervals(law, {1e13, {}, {}, {}});
  REQUIRE((found.n.lo && found.p && found.p->lo));
  CHECK((*found.n.lo < found.n.value && found.n.value < *found.n.hi));
  CHECK((*found.p->lo < found.p->value && found.p->value < *found.p->hi));
}
