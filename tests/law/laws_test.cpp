#include "law/laws.h"

#include <ceres/jet.h>

#include "catch.h"

using namespace vernier::law;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

RunPoint run_at(double params, double tokens, double w = 16, double a = 16, double kv = 16) {
  const auto part = [](double bits) { return Part{bits < 16, bits, bits < 16 ? "int" : "fp32", true}; };
  RunPoint run;
  run.params = params;
  run.tokens = tokens;
  run.weights = part(w), run.activations = part(a), run.kv = part(kv);
  run.precision = w < 16 || a < 16 || kv < 16 ? "rounded" : "baseline";
  return run;
}

// Kumar et al., arXiv 2411.04330, appendix K, as in LAWS.md section 2.1.
const Parameters<double, 11> kKumar{2.7648, 4.299e3, 1.806e4, 0.4965, 0.4965, 2.6745,
                                    0.3037, 2.2102,  1.4072,  0.9578, 2.4185};

/// Parameters well inside the admissible ranges of a law.
template <class Law>
Parameters<double, Law::symbols.size()> inner_parameters() {
  Parameters<double, Law::symbols.size()> theta;
  for (std::size_t k = 0; k < theta.size(); ++k) {
    const Symbol& symbol = Law::symbols[k];
    theta[k] = symbol.scale == Scale::Log ? std::sqrt(symbol.start_lowest * symbol.start_highest) : 0.1;
    if (k < Law::coefficients) theta[k] = k == 0 ? 1.5 : 20.0;
  }
  return theta;
}

}  // namespace

TEST_CASE("chinchilla gives the known losses of the published constants", "[law][fast]") {
  const RunPoint run = run_at(70e9, 1.4e12);
  CHECK_THAT(Chinchilla::loss<double>({1.69, 406.4, 410.7, 0.34, 0.28}, run), WithinAbs(1.936645, 5e-7));
  CHECK_THAT(Chinchilla::loss<double>(
                 {std::exp(0.5267228), std::exp(6.0073404), std::exp(6.0179186), 0.33917084, 0.2849083}, run),
             WithinAbs(1.920846, 5e-7));
  CHECK_THAT(Chinchilla::loss<double>({1.8172, 482.01, 2085.43, 0.3478, 0.3658}, run), WithinAbs(1.973882, 5e-7));
}

TEST_CASE("kumar_joint gives the known shares and losses of the published constants", "[law][fast]") {
  const auto share = [](double bits) {
    RunPoint run = run_at(1, 1, bits, bits, bits);
    run.weights.rounded = run.activations.rounded = run.kv.rounded = true;  // the formula, also at 16 bits
    return std::exp(KumarJoint::log_share(kKumar, run));
  };
  CHECK_THAT(share(4), WithinAbs(0.190988, 5e-7));
  CHECK_THAT(share(6), WithinAbs(0.611291, 5e-7));
  CHECK_THAT(share(8), WithinAbs(0.827760, 5e-7));
  CHECK_THAT(share(16), WithinAbs(0.993659, 5e-7));
  const auto loss = [](double w, double a, double kv) {
    return KumarJoint::loss(kKumar, run_at(30e6, 1.5e9, w, a, kv));
  };
  CHECK_THAT(loss(16, 16, 16), WithinAbs(4.100534, 5e-7));
  CHECK_THAT(loss(4, 16, 16), WithinAbs(4.264622, 5e-7));
  CHECK_THAT(loss(16, 4, 16), WithinAbs(4.709386, 5e-7));
  CHECK_THAT(loss(16, 16, 4), WithinAbs(4.182671, 5e-7));
  CHECK_THAT(loss(4, 4, 4), WithinAbs(5.163416, 5e-7));
  CHECK_THAT(loss(8, 8, 8), WithinAbs(4.182564, 5e-7));
}

TEST_CASE("kumar_weights is kumar_joint with only weights rounded", "[law][fast]") {
  const Parameters<double, 7> weights{kKumar[0], kKumar[1], kKumar[2], kKumar[3], kKumar[4], kKumar[5], kKumar[6]};
  const RunPoint run = run_at(30e6, 1.5e9, 5);
  CHECK(KumarWeights::loss(weights, run) == KumarJoint::loss(kKumar, run));
}

TEST_CASE("power_eff with k = 3 is kumar_tied without offset", "[law][fast]") {
  const RunPoint run = run_at(1e7, 1e9, 4, 4, 4);
  CHECK_THAT(PowerEff::loss<double>({1.7, 400, 500, 0.3, 0.3, 1.9, 3}, run),
             WithinRel(KumarTied::loss<double>({1.7, 400, 500, 0.3, 0.3, 1.9, 0}, run), 1e-14));
}

TEST_CASE("kumar_tied cubes one factor whether or not the data state all three parts", "[law][fast]") {
  const Parameters<double, 7> theta{1.7, 400, 500, 0.3, 0.3, 1.9, 0.2};
  const double all = KumarTied::log_share(theta, run_at(1, 1, 4, 4, 4));
  CHECK_THAT(all, WithinRel(3 * std::log(1 - std::exp(0.2 - 4 / 1.9)), 1e-14));
  RunPoint two = run_at(1, 1, 4, 4);
  two.kv.stated = false;
  CHECK_THAT(KumarTied::log_share(theta, two), WithinRel(all, 1e-14));
  RunPoint one = run_at(1, 1, 4);
  one.kv.stated = one.activations.stated = false;
  CHECK_THAT(KumarTied::log_share(theta, one), WithinRel(all, 1e-14));
}

TEST_CASE("kumar_tied takes a factor of each part where parts differ", "[law][fast]") {
  const Parameters<double, 7> theta{1.7, 400, 500, 0.3, 0.3, 1.9, 0.2};
  const auto log_factor_at = [](double bits) { return std::log(1 - std::exp(0.2 - bits / 1.9)); };
  CHECK_THAT(KumarTied::log_share(theta, run_at(1, 1, 4, 6)), WithinRel(log_factor_at(4) + log_factor_at(6), 1e-14));
}

TEST_CASE("a factor that is not above zero is no loss, even where the product of all is positive", "[law][fast]") {
  CHECK(std::isnan(KumarJoint::loss(kKumar, run_at(1e8, 1e10, 2, 2, 2))));  // .359 x -.653 x -.391 > 0
  CHECK(std::isnan(KumarJoint::loss(kKumar, run_at(1e8, 1e10, 16, 3))));
  CHECK(std::isfinite(KumarJoint::loss(kKumar, run_at(1e8, 1e10, 3))));
}

TEST_CASE("gadre is chinchilla with both exponents twice eta", "[law][fast]") {
  const double eta = 0.13, six = std::pow(6.0, -eta);
  const RunPoint run = run_at(3e8, 7e9);
  CHECK_THAT(Gadre::loss<double>({1.7, 150, 300, eta}, run),
             WithinRel(Chinchilla::loss<double>({1.7, 150 * six, 300 * six, 2 * eta, 2 * eta}, run), 1e-13));
  const double C = 6 * 3e8 * 7e9, M = 7e9 / 3e8;
  CHECK_THAT(Gadre::loss<double>({1.7, 150, 300, eta}, run),
             WithinRel(1.7 + (150 * std::pow(M, eta) + 300 * std::pow(M, -eta)) * std::pow(C, -eta), 1e-13));
}

TEMPLATE_LIST_TEST_CASE("derivatives by Jets equal central differences", "[law][fast]", Laws) {
  constexpr std::size_t K = TestType::symbols.size();
  using Jet = ceres::Jet<double, int(K)>;
  const auto theta = inner_parameters<TestType>();
  for (const RunPoint& run : {run_at(1e6, 1e8, 4, 5, 6), run_at(1e6, 1e8, 8, 8, 8), run_at(2e7, 3e9)}) {
    Parameters<Jet, K> jets;
    for (std::size_t k = 0; k < K; ++k) jets[k] = Jet(theta[k], int(k));
    const Jet loss = TestType::loss(jets, run);
    CHECK_THAT(loss.a, WithinRel(TestType::loss(theta, run), 1e-15));
    for (std::size_t k = 0; k < K; ++k) {
      auto above = theta, below = theta;
      const double h = 1e-5 * std::max(1e-2, std::abs(theta[k]));
      above[k] += h, below[k] -= h;
      const double difference = (TestType::loss(above, run) - TestType::loss(below, run)) / (2 * h);
      INFO(TestType::name << " by " << TestType::symbols[k].name);
      CHECK_THAT(loss.v[int(k)], WithinAbs(difference, 1e-6 * (1 + std::abs(difference))));
    }
  }
}

TEMPLATE_LIST_TEST_CASE("loss falls as N, D or bits grow, down to E", "[law][fast]", Laws) {
  const auto theta = inner_parameters<TestType>();
  const auto loss = [&](double n, double d, double p) { return TestType::loss(theta, run_at(n, d, p, p, p)); };
  CHECK(loss(2e6, 1e8, 5) < loss(1e6, 1e8, 5));
  CHECK(loss(1e6, 2e8, 5) < loss(1e6, 1e8, 5));
  CHECK(loss(1e6, 1e8, 6) <= loss(1e6, 1e8, 5));
  CHECK(loss(1e6, 1e8, 5) > theta[0]);
  CHECK_THAT(loss(1e300, 1e300, 12), WithinRel(theta[0], 1e-9));
}

TEMPLATE_LIST_TEST_CASE("the baseline has all its parameters, exactly", "[law][fast]", Laws) {
  auto theta = inner_parameters<TestType>();
  for (std::size_t k = 0; k < theta.size(); ++k)
    if (TestType::symbols[k].per != Per::All) theta[k] = 1;  // what the fit gives the baseline
  if constexpr (has_share<TestType>) CHECK(TestType::log_share(theta, run_at(1e6, 1e8)) == 0.0);
}

TEMPLATE_LIST_TEST_CASE("parameters fitted to N/n0 and D/d0 give the same loss in natural units", "[law][fast]", Laws) {
  const auto theta = inner_parameters<TestType>();
  const double n0 = 3e5, d0 = 7e7;
  CHECK_THAT(TestType::loss(TestType::natural(theta, n0, d0), run_at(1e6, 1e8, 4, 4, 4)),
             WithinRel(TestType::loss(theta, run_at(1e6 / n0, 1e8 / d0, 4, 4, 4)), 1e-13));
}
