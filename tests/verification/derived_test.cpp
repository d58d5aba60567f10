// Derived quantities of published constants (LAWS.md, section 7).
#include "fit/optimum.h"
#include "fit/parts.h"
#include "law/invert.h"

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

/// Kumar's penalty after training on his base law.
FitSummary kumar_ptq() {
  FitSummary law =
      law_of("kumar_ptq", {{"C_T", 0.0598}, {"gD", 0.5068}, {"gN", 0.3439}, {"g_post", 0.5907}, {"b", 1.1277}});
  law.base.push_back(kKumar);
  return law;
}

/// arXiv 2501.02423.
const FitSummary kFloatBits = law_of("float_bits", {{"eps", 1.9061},
                                                    {"n", 69.2343},
                                                    {"d", 68973.0621},
                                                    {"alpha", 0.2368},
                                                    {"beta", 0.5162},
                                                    {"g", 11334.5197},
                                                    {"delta", 3.1926},
                                                    {"nu", 2.9543}});

double d_crit(const FitSummary& law, double params, const law::RunPoint& point) {
  return law::d_crit(surface_of(law, law.values(), point), params).value();
}
double d_crit_at_bits(const FitSummary& law, double params, double bits) {
  return d_crit(law, params, point_at_bits(law, law.values(), bits));
}

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

TEST_CASE("more data than D_crit harm a model that is quantized after training", "[verification][fast]") {
  const FitSummary law = kumar_ptq();
  CHECK_THAT(d_crit_at_bits(law, 30e6, 4), WithinRel(2.87801e10, 4e-6));
  CHECK_THAT(d_crit_at_bits(law, 30e6, 5), WithinRel(1.556e11, 4e-4));
  CHECK_THAT(d_crit_at_bits(law, 7e9, 4), WithinRel(1.865e11, 4e-4));
}

TEST_CASE("the best N, D and P where inference is paid for, eq. 29 of Kumar et al.", "[verification][fast]") {
  Budget budget;
  budget.inference = 1e9;
  const Optimum best = optimum_of(kumar_ptq(), budget);
  CHECK_THAT(best.n, WithinRel(1.7170e8, 4e-5));
  CHECK_THAT(best.d, WithinRel(1.1361e12, 1e-4));
  CHECK_THAT(*best.p, WithinAbs(5.8240, 1e-4));
  CHECK_THAT(best.n * *best.p, WithinRel(1e9, 1e-12));
  CHECK(best.interior);
}

TEST_CASE("critical data of float formats in groups of 128", "[verification][fast]") {
  const auto of = [](const char* number) {
    law::RunPoint point;
    point.weights = part_of(number, {128, 128});
    point.precision = number;
    return d_crit(kFloatBits, 1e9, point);
  };
  CHECK_THAT(of("e8m7"), WithinRel(1730e12, 4e-3));
  CHECK_THAT(of("e4m3"), WithinRel(27.3e12, 3e-3));
  CHECK_THAT(of("e2m1"), WithinRel(0.393e12, 2e-3));
}

TEST_CASE("the best precision of floats rises with compute from 4 to 8 bits", "[verification][fast]") {
  const auto best = [](double compute) { return *optimum_of(kFloatBits, {compute, {}, {}, {}}).p; };
  CHECK_THAT(best(1e21), WithinAbs(4.190, 6e-4));
  CHECK_THAT(best(1e25), WithinAbs(5.311, 6e-4));
  CHECK_THAT(best(1e31), WithinAbs(7.578, 6e-4));
}

TEST_CASE("QuEST's printed efficiencies are best per bit at four bits", "[verification][fast]") {
  FitSummary law = law_of("free_eff", {{"E", 0.0014}, {"A", 8.134}, {"B", 86.41}, {"alpha", 0.0627}, {"beta", 0.2413}});
  const std::vector<std::pair<int, double>> printed{{1, 0.0205}, {2, 0.1519}, {3, 0.4331}, {4, 0.6918}, {8, 1.016}};
  for (const auto& [bits, eff] : printed) {
    const std::string symbol = fmt::format("eff_{}", bits);
    law.symbols.push_back(symbol);
    law.parameters.push_back({eff, {}, {}, {}, {}});
    law.labels[symbol] = fmt::format("{}bit {}bit", bits, bits);
  }
  const Optimum best = optimum_of(law, {1e20, {}, {}, {}});
  CHECK(*best.p == 4);
  CHECK(best.format == "4");
  CHECK_THAT(share_at_bits(law, law.values(), 4) / 4, WithinAbs(0.1730, 6e-5));
  CHECK_THAT(share_at_bits(law, law.values(), 4) / 4 * 16, WithinAbs(2.77, 6e-3));
}
