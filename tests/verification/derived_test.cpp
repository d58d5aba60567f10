// Derived quantities of published constants (LAWS.md, section 7).
#include "fit/optimum.h"
#include "law/laws.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

FitSummary law_of(std::string name, const std::vector<std::pair<std::string, double>>& parameters) {
  FitSummary law;
  law.law = std::move(name);
  for (const auto& [symbol, value] : parameters) {
    law.symbols.push_back(symbol);
    law.parameters.push_back({value, {}, {}, {}, {}});
  }
  return law;
}

FitSummary chinchilla(double E, double A, double alpha, double B, double beta) {
  return law_of("chinchilla", {{"E", E}, {"A", A}, {"B", B}, {"alpha", alpha}, {"beta", beta}});
}

FitSummary kumar(std::vector<std::pair<std::string, double>> factors) {
  factors.insert(factors.begin(), {{"E", 2.7648}, {"A", 4.299e3}, {"B", 1.806e4}, {"alpha", 0.4965}, {"beta", 0.4965}});
  return law_of("kumar_joint", factors);
}

const FitSummary kKumar = kumar({{"gamma_w", 2.6745},
                                 {"n_w", 0.3037},
                                 {"gamma_a", 2.2102},
                                 {"n_a", 1.4072},
                                 {"gamma_kv", 0.9578},
                                 {"n_kv", 2.4185}});

Optimum optimum_of(const FitSummary& law, const Budget& budget) { return optimum(law, law.values(), budget); }
double best_bits(const FitSummary& law) { return *optimum_of(law, {1e20, {}, {}, {}}).p; }

}  // namespace

TEST_CASE("compute-optimal sizes of the published Chinchilla constants", "[verification][fast]") {
  const Budget gopher{5.76e23, {}, {}, {}};
  const auto rounded = optimum_of(chinchilla(1.69, 406.4, 0.34, 410.7, 0.28), gopher);
  CHECK_THAT(rounded.n, WithinRel(3.21899e10, 4e-6));
  CHECK_THAT(rounded.d, WithinRel(2.98231e12, 4e-6));
  const auto unrounded = optimum_of(
      chinchilla(std::exp(0.5267228), std::exp(6.0073404), 0.33917084, std::exp(6.0179186), 0.2849083), gopher);
  CHECK_THAT(unrounded.n, WithinRel(4.03609e10, 4e-6));
  CHECK_THAT(unrounded.d, WithinRel(2.37854e12, 4e-6));
  const auto besiroglu = optimum_of(chinchilla(1.8172, 482.01, 0.3478, 2085.43, 0.3658), gopher);
  CHECK_THAT(besiroglu.n, WithinRel(7.22487e10, 4e-6));
  CHECK_THAT(besiroglu.d, WithinRel(1.32874e12, 4e-6));
}

TEST_CASE("the best precision of Kumar's constants, with and without offsets", "[verification][fast]") {
  CHECK_THAT(best_bits(kKumar), WithinAbs(7.002109, 1e-6));
  CHECK_THAT(share_at_bits(kKumar, kKumar.values(), 7.002109), WithinAbs(0.740669, 5e-7));
  CHECK_THAT(best_bits(kumar({{"gamma_w", 2.6745}, {"n_w", 0.3037}, {"gamma_a", 2.2102}, {"n_a", 1.4072}})),
             WithinAbs(6.84654, 5e-6));
  CHECK_THAT(best_bits(kumar({{"gamma_w", 2.6745}, {"n_w", 0.3037}})), WithinAbs(2.65761, 5e-6));
  CHECK_THAT(
      best_bits(
          kumar({{"gamma_w", 2.6745}, {"n_w", 0}, {"gamma_a", 2.2102}, {"n_a", 0}, {"gamma_kv", 0.9578}, {"n_kv", 0}})),
      WithinAbs(3.468751, 1e-6));
  const double mean = (2.6745 + 2.2102 + 0.9578) / 3;
  const auto tied = law_of(
      "kumar_tied",
      {{"E", 2.7648}, {"A", 4299}, {"B", 18060}, {"alpha", 0.4965}, {"beta", 0.4965}, {"gamma", mean}, {"n", 0}});
  CHECK_THAT(best_bits(tied), WithinAbs(3.707677, 1e-6));
}

TEST_CASE("the best precision of a power law is a root of k x = e^x - 1", "[verification][fast]") {
  for (const auto& [k, x] :
       {std::pair(1.5, 0.762689), std::pair(2.0, 1.256431), std::pair(3.0, 1.903814), std::pair(4.0, 2.336663)}) {
    const double gamma = 3;
    const auto law = law_of(
        "power_eff", {{"E", 1}, {"A", 100}, {"B", 100}, {"alpha", 0.3}, {"beta", 0.3}, {"gamma", gamma}, {"k", k}});
    CHECK_THAT(best_bits(law) / gamma, WithinAbs(x, 1e-6));
  }
}

TEST_CASE("compute-optimal sizes of Kumar's constants at fixed precision, and best precision at fixed size",
          "[verification][fast]") {
  const auto at8 = optimum_of(kKumar, {1e20, {}, {}, 8});
  CHECK_THAT(at8.n, WithinRel(1.495349e9, 1e-6));
  CHECK_THAT(at8.d, WithinRel(2.229134e10, 1e-6));
  const auto at16 = optimum_of(kKumar, {1e20, {}, {}, 16});
  CHECK_THAT(at16.n, WithinRel(9.650752e8, 1e-6));
  CHECK_THAT(at16.d, WithinRel(1.726981e10, 1e-6));
  CHECK_THAT(*optimum_of(kKumar, {1e18, 30e6, {}, {}}).p, WithinAbs(10.8416, 6e-5));
  CHECK_THAT(*optimum_of(kKumar, {1e20, 30e6, {}, {}}).p, WithinAbs(16.7073, 6e-5));
  CHECK_THAT(*optimum_of(kKumar, {1e22, 1e9, {}, {}}).p, WithinAbs(13.6112, 6e-5));
}
