#include "law/laws.h"

#include "law/invert.h"

#include "samples.h"

#include "catch.h"

using namespace samples;
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

}  // namespace

TEST_CASE("chinchilla gives the known losses of the published constants", "[law][fast]") {
  const RunPoint run = run_at(70e9, 1.4e12);
  CHECK_THAT(Chinchilla::loss(Parameters<double, 5>{1.69, 406.4, 410.7, 0.34, 0.28}, run), WithinAbs(1.936645, 5e-7));
  CHECK_THAT(Chinchilla::loss(Parameters<double, 5>{std::exp(0.5267228), std::exp(6.0073404), std::exp(6.0179186),
                                                    0.33917084, 0.2849083},
                              run),
             WithinAbs(1.920846, 5e-7));
  CHECK_THAT(Chinchilla::loss(Parameters<double, 5>{1.8172, 482.01, 2085.43, 0.3478, 0.3658}, run),
             WithinAbs(1.973882, 5e-7));
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
  CHECK_THAT(PowerEff::loss(Parameters<double, 7>{1.7, 400, 500, 0.3, 0.3, 1.9, 3}, run),
             WithinRel(KumarTied::loss(Parameters<double, 7>{1.7, 400, 500, 0.3, 0.3, 1.9, 0}, run), 1e-14));
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
  CHECK_THAT(
      Gadre::loss(Parameters<double, 4>{1.7, 150, 300, eta}, run),
      WithinRel(Chinchilla::loss(Parameters<double, 5>{1.7, 150 * six, 300 * six, 2 * eta, 2 * eta}, run), 1e-13));
  const double C = 6 * 3e8 * 7e9, M = 7e9 / 3e8;
  CHECK_THAT(Gadre::loss(Parameters<double, 4>{1.7, 150, 300, eta}, run),
             WithinRel(1.7 + (150 * std::pow(M, eta) + 300 * std::pow(M, -eta)) * std::pow(C, -eta), 1e-13));
}

TEST_CASE("the published surface of Kaplan et al. gives its known loss and its two limits", "[law][fast]") {
  const auto& kaplan = kFacts<Kaplan>.theta;
  CHECK_THAT(Kaplan::loss(kaplan, baseline(1e8, 1e10)), WithinAbs(2.787857, 5e-7));
  CHECK_THAT(Kaplan::loss(kaplan, baseline(1e8, 1e300)), WithinRel(std::pow(6.4e13 / 1e8, 0.076), 1e-12));
  CHECK_THAT(Kaplan::loss(kaplan, baseline(1e300, 1e10)), WithinRel(std::pow(1.8e13 / 1e10, 0.103), 1e-12));
}

TEST_CASE("the published constants of Quartet give their known losses, with and without efficiencies", "[law][fast]") {
  auto quartet = kFacts<ChinchillaOuter>.theta;
  CHECK_THAT(ChinchillaOuter::loss(quartet, baseline(1e8, 1e10)), WithinAbs(2.973273, 5e-7));
  quartet[6] = quartet[7] = 1;
  CHECK_THAT(ChinchillaOuter::loss(quartet, baseline(1e8, 1e10)), WithinAbs(2.892747, 5e-7));
}

TEST_CASE("chinchilla_outer with outer = 1 is chinchilla", "[law][fast]") {
  const auto& [E, A, B, alpha, beta] = kFacts<Chinchilla>.theta;
  CHECK_THAT(ChinchillaOuter::loss(Parameters<double, 8>{E, A, B, alpha, beta, 1, 1, 1}, baseline(3e7, 2e9)),
             WithinRel(Chinchilla::loss(kFacts<Chinchilla>.theta, baseline(3e7, 2e9)), 1e-14));
}

TEST_CASE("Kumar's penalty after training gives its known values", "[law][fast]") {
  RunPoint run = baseline(30e6, 26e9);
  const auto delta = [&](double bits) {
    run.post.bits = bits;
    return KumarPtq::loss(kFacts<KumarPtq>.theta, run) - run.loss_before;
  };
  CHECK_THAT(delta(3), WithinAbs(0.585762, 5e-7));
  CHECK_THAT(delta(4), WithinAbs(0.107771, 5e-7));
  CHECK_THAT(delta(5), WithinAbs(0.0198281, 5e-8));
  CHECK_THAT(delta(6), WithinAbs(0.00364805, 5e-9));
}

TEST_CASE("Kumar's unified law gives its known values, and its limits where C_x or P_x - P_post ends", "[law][fast]") {
  auto theta = kFacts<KumarUnified>.theta;
  RunPoint run = rounded(30e6, 26e9, 8, 8, 8);
  const auto delta = [&] { return KumarUnified::loss(theta, run) - run.loss_before; };
  CHECK_THAT(delta(), WithinAbs(0.0743494, 5e-8));
  theta[11] = theta[12] = theta[13] = 50;  // the end of its range, in bits as good as infinite
  CHECK_THAT(delta(), WithinAbs(0.1150096, 5e-8));
  run.post.bits = 8;
  CHECK(delta() == 0);
  run.post.bits = 9;
  CHECK(std::isnan(delta()));
  RunPoint plain = baseline(30e6, 26e9);
  CHECK_THAT(KumarUnified::loss(theta, plain), WithinRel(KumarPtq::loss(kFacts<KumarPtq>.theta, plain), 1e-14));
}

TEST_CASE("the float law gives its known losses at E4M3 and E2M1", "[law][fast]") {
  const auto& theta = kFacts<FloatBits>.theta;
  CHECK_THAT(FloatBits::loss(theta, weights_only(1e9, 20e9, as_float(4, 3))), WithinAbs(2.750232, 5e-7));
  CHECK_THAT(FloatBits::loss(theta, weights_only(1e9, 20e9, as_float(2, 1))), WithinAbs(2.765392, 5e-7));
}

TEST_CASE("the group law gives its known penalties", "[law][fast]") {
  const auto penalty = [](double k, double gN, double gD, double gG) {
    const Parameters<double, 9> theta{1.9279, 237.7042, 596.2490, k, 0.3022, 0.3022, gN, gD, gG};
    return QatGroup::loss(theta, weights_only(595e6, 100e9, as_float(2, 1))) -
           QatGroup::loss(theta, baseline(595e6, 100e9));
  };
  const double both = penalty(0.1582, 0.2186, 0.0745, 0.7779);
  const double weights = penalty(0.2522, 0.3589, 0.1610, 0.3533);
  const double activations = penalty(0.1004, 0.1816, 0.0331, 0.9812);
  // Computed apart from the printed constants; they agree with LAWS.md to 6e-7.
  CHECK_THAT(both, WithinAbs(0.0572794, 5e-8));
  CHECK_THAT(weights, WithinAbs(0.0209964, 5e-8));
  CHECK_THAT(activations, WithinAbs(0.0399569, 5e-8));
  CHECK_THAT(both / (weights + activations), WithinAbs(0.940, 5e-4));
}

TEST_CASE("the power law after training gives its known penalties", "[law][fast]") {
  RunPoint run = baseline(1e9, 300e9);
  const auto delta = [&](double bits) {
    run.post.bits = bits;
    return Qid::loss(kFacts<Qid>.theta, run) - run.loss_before;
  };
  CHECK_THAT(delta(2), WithinAbs(3.69414, 5e-6));
  CHECK_THAT(delta(3), WithinAbs(0.397734, 5e-7));
  CHECK_THAT(delta(4), WithinAbs(0.0818167, 5e-8));
}

TEST_CASE("density: the loss of a size and the size of a loss", "[law][fast]") {
  const auto& theta = kFacts<DensingLoss>.theta;
  CHECK_THAT(DensingLoss::loss(theta, baseline(1e8, 1e10)), WithinAbs(2.432694, 5e-7));
  CHECK_THAT(n_hat<DensingLoss>(theta, 2, baseline(1, 1e10)).value(), WithinRel(2.897506e9, 2e-7));
  CHECK_FALSE(n_hat<DensingLoss>(theta, 60 * std::pow(1e10, -0.2) * (1 - 1e-12), baseline(1, 1e10)));
}

TEST_CASE("a score gives its conditional loss back, and none at chance level or the ceiling", "[law][fast]") {
  const auto& theta = kFacts<DensingScore>.theta;
  RunPoint run = baseline(1e8, 1e10);
  const double score = DensingScore::loss(theta, run);
  CHECK_THAT(task_loss_of(theta, score).value(), WithinRel(run.task_loss, 1e-13));
  CHECK_FALSE(task_loss_of(theta, theta[0]));
  CHECK_FALSE(task_loss_of(theta, theta[0] + theta[1]));
}

TEST_CASE("no ceiling of a score lies above one", "[law][fast]") {
  const Parameters<double, 4> too_high{0.4, 0.9, -4, 1.6};
  RunPoint run = baseline(1e8, 1e10);
  run.task_loss = -100;
  CHECK_THAT(DensingScore::loss(too_high, run), WithinRel(1.0, 1e-14));
  CHECK_THAT(DensingScore::natural(too_high, 1, 1)[1], WithinRel(0.6, 1e-14));
  CHECK(DensingScore::admit(kFacts<DensingScore>.theta) == kFacts<DensingScore>.theta);
}

TEST_CASE("gadre in the form of its code gives the loss of its five-run fit", "[law][fast]") {
  const double N = 1.4e9, D = 640 * N, q = -0.272851;
  const double as_in_code = 1.836648 + 166.211 * std::pow(N, q) + 366.687 * std::pow(6.0, q / 2) * std::pow(D, q);
  CHECK_THAT(Gadre::loss(kFacts<Gadre>.theta, baseline(N, D)), WithinRel(as_in_code, 1e-13));
}
