#include "fit/hypothesis.h"

#include <algorithm>
#include <array>

#include "fit/nested.h"
#include "fit/ruling.h"
#include "fit/search.h"
#include "fit/varied.h"
#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

using Points = std::vector<law::RunPoint>;

/// Few starts and draws; one thread, as the tests spread data sets over threads.
DecideOptions quick(std::int64_t draws = 59) {
  DecideOptions options;
  options.fit.starts = 4;
  options.fit.bootstrap = 200;
  options.fit.threads = 1;
  options.draws = draws;
  return options;
}

Hypothesis of(const std::string& claim, const std::string& law = "", double margin = 0.2) {
  return hypothesis_of(parse_claim(claim), law, margin, law_names());
}

FitSummary chinchilla(double alpha, double beta) {
  auto law = synthetic::chinchilla();
  law.parameters[1].value = 1.2 * std::pow(1.5e4, alpha);
  law.parameters[2].value = 1.2 * std::pow(1e6, beta);
  law.parameters[3].value = alpha;
  law.parameters[4].value = beta;
  return law;
}

/// Sizes and tokens times what is rounded: nothing, weights or activations alone, both.
Points kumar_joint(double gamma_w, double gamma_a, double noise, std::uint64_t seed) {
  const auto law = synthetic::law_of("kumar_joint", {{"E", 1.6},
                                                     {"A", 8},
                                                     {"B", 120},
                                                     {"alpha", 0.22},
                                                     {"beta", 0.3},
                                                     {"gamma_w", gamma_w},
                                                     {"n_w", 0},
                                                     {"gamma_a", gamma_a},
                                                     {"n_a", 0}});
  Points points;
  const Stream stream(seed);
  using Bits = std::pair<double, double>;
  for (const double params : {1.5e3, 1.5e4, 1.5e5})
    for (const double tokens : {2.5e5, 1e6, 4e6})
      for (const auto& [w, a] : {Bits{16, 16}, Bits{3, 16}, Bits{5, 16}, Bits{16, 3}, Bits{16, 5}, Bits{4, 4}}) {
        points.push_back(synthetic::point(params, tokens, w));
        auto& point = points.back();
        point.activations = law::Part{a < 16, a, "fp32", true};
        point.kv = law::Part{};
        point.precision = precision_label(point);
        point.run += fmt::format("-{}", a);
        point.loss = loss(law, law.values(), point) * std::exp(noise * stream.normals(points.size())[0]);
      }
  return points;
}

/// A tied law in which 4 bits have `more` of E.
Points with_own_floor(double more, double noise, std::uint64_t seed) {
  auto points = synthetic::runs(synthetic::kumar_tied(), {4, 6, 16}, 0, 1);
  const Stream stream(seed);
  for (std::size_t i = 0; i < points.size(); ++i)
    points[i].loss =
        (points[i].loss + (points[i].weights.bits == 4 ? more : 0)) * std::exp(noise * stream.normals(i)[0]);
  return points;
}

struct Count {
  int supported = 0, refuted = 0, undecided = 0, small_p = 0;
};

template <class Make>
Count count(const Hypothesis& hypothesis, int sets, const Make& make, const DecideOptions& options = quick()) {
  std::vector<Decision> decisions(static_cast<std::size_t>(sets));
  in_parallel(sets, 2, [&](std::int64_t k) {
    decisions[std::size_t(k)] = decide(hypothesis, make(std::uint64_t(100 + k)), options);
  });
  Count result;
  for (const auto& decision : decisions) {
    result.supported += decision.ruling == Ruling::Supported;
    result.refuted += decision.ruling == Ruling::Refuted;
    result.undecided += decision.ruling == Ruling::Undecided;
    result.small_p += decision.p && *decision.p < 0.05;
  }
  return result;
}

}  // namespace

TEST_CASE("a true equality is seldom refuted, and its p-value is small as often as it says", "[fit][slow]") {
  const auto law = chinchilla(0.3, 0.3);
  const Count found = count(
      of("alpha == beta", "chinchilla"), 100,
      [&](std::uint64_t seed) { return synthetic::runs(law, {16}, 0.003, seed); }, quick(59));
  CHECK(found.refuted <= 10);
  CHECK(found.supported >= 70);
  CHECK(found.small_p >= 1);
  CHECK(found.small_p <= 10);  // 5 are expected of 100
}

TEST_CASE("a false equality is refuted by enough runs", "[fit][slow]") {
  const auto law = chinchilla(0.2, 0.3);
  const Count found = count(of("alpha == beta", "chinchilla"), 25,
                            [&](std::uint64_t seed) { return synthetic::runs(law, {16}, 0.001, seed); });
  CHECK(found.refuted == 25);
}

TEST_CASE("two precision constants that differ by half are told apart, with the size of the difference", "[fit]") {
  const Decision decision = decide(of("gamma_w == gamma_a", "kumar_joint"), kumar_joint(1.5, 2.25, 0.0003, 2), quick());
  CHECK(decision.ruling == Ruling::Refuted);
  CHECK(decision.effect->unit == "bits");
  CHECK((*decision.effect->lo < -0.75 + 0.15 && *decision.effect->hi > -0.75 - 0.15));
  CHECK(*decision.p < 0.05);
  CHECK(decision.runs == 54);
  CHECK_THAT(decision.sentence, ContainsSubstring("'gamma_w == gamma_a' is refuted: over 54 runs, by kumar_joint"));
}

TEST_CASE("a claimed number is compared with the parameter, and an experiment's own fix of it is set aside", "[fit]") {
  const auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.0005, 4);
  auto options = quick();
  options.fit.fix["n"] = 0;
  CHECK(decide(of("n == 0.3", "kumar_tied"), points, options).ruling == Ruling::Supported);
  const Decision zero = decide(of("n == 0", "kumar_tied"), points, options);
  CHECK(zero.ruling == Ruling::Refuted);
  CHECK_THAT(zero.effect->value, WithinAbs(0.3, 0.05));
  CHECK(*zero.effect->margin == 0.2);
}

TEST_CASE("a floor that one precision has to itself is found, and none where there is none", "[fit][slow]") {
  const auto hypothesis = of("E does not depend on P", "", 0.01);
  const Count own = count(
      hypothesis, 4, [](std::uint64_t seed) { return with_own_floor(0.3, 0.002, seed); }, quick(39));
  CHECK(own.refuted == 4);
  const Count shared = count(
      of("E does not depend on P"), 8, [](std::uint64_t seed) { return with_own_floor(0, 0.002, seed); }, quick(39));
  CHECK(shared.refuted == 0);
  CHECK(shared.supported >= 7);
}

TEST_CASE("the difference between precisions is what was put in", "[fit]") {
  const Decision decision =
      decide(of("E does not depend on P", "kumar_tied", 0.01), with_own_floor(0.3, 0, 1), quick(39));
  CHECK_THAT(decision.effect->value, WithinAbs(0.3, 1e-4));
  CHECK(decision.ruling == Ruling::Refuted);
}

TEST_CASE("a law whose parameter varies by precision is the law itself where it does not", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::kumar_tied(), {4, 6, 16}, 0.01, 1);
  for (const std::string symbol : {"E", "A", "alpha"}) {
    const Varied varied = make_varied("kumar_tied", symbol, points);
    const auto plain = make_problem("kumar_tied", points);
    std::vector<double> theta{1.5, 0.8, 0.9, 0.25, 0.35, 1.4, 0.2};
    std::vector<double> more = theta;
    more.resize(varied.problem->parameters().size(), varied.none);
    REQUIRE(more.size() == theta.size() + 2);
    std::vector<int> rows(points.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = int(i);
    std::vector<double> a(rows.size()), b(rows.size()), da(rows.size() * plain->locals()),
        db(rows.size() * varied.problem->locals());
    plain->derivatives(theta, rows, a.data(), da.data());
    varied.problem->derivatives(more, rows, b.data(), db.data());
    CHECK(a == b);
  }
}

TEST_CASE("derivatives and columns of a varied law agree with differences of its predictions", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::kumar_tied(), {4, 6, 16}, 0.01, 1);
  std::vector<int> rows(points.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = int(i);
  for (const std::string symbol : {"E", "B", "beta"}) {
    const Varied varied = make_varied("kumar_tied", symbol, points);
    const Problem& problem = *varied.problem;
    std::vector<double> theta{1.5, 0.8, 0.9, 0.25, 0.35, 1.4, 0.2, 0.9, 1.1};
    std::vector<double> at(rows.size()), up(rows.size()), derivatives(rows.size() * problem.locals()),
        unused(derivatives);
    std::vector<double> base(rows.size()), columns(rows.size() * problem.coefficients());
    problem.derivatives(theta, rows, at.data(), derivatives.data());
    problem.columns(theta, rows, base.data(), columns.data());
    double worst = 0, worst_column = 0;
    for (std::size_t g = 0; g < theta.size(); ++g) {
      auto moved = theta;
      moved[g] += 1e-6;
      problem.derivatives(moved, rows, up.data(), unused.data());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        double slope = 0;
        for (std::size_t k = 0; k < problem.locals(); ++k)
          if (problem.local_of(i)[k] == int(g)) slope += derivatives[i * problem.locals() + k];
        worst = std::max(worst, std::abs((up[i] - at[i]) / 1e-6 - slope));
      }
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      double sum = base[i];
      for (std::size_t j = 0; j < problem.coefficients(); ++j)
        sum += theta[j] * columns[i * problem.coefficients() + j];
      worst_column = std::max(worst_column, std::abs(sum - at[i]));
    }
    INFO(symbol);
    CHECK(worst < 1e-5);
    CHECK(worst_column < 1e-12);
  }
}

TEST_CASE("an interval claim is ruled by the side on which the whole interval lies", "[fit]") {
  const auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.001, 7);
  const auto ruling = [&](const std::string& claim) { return decide(of(claim, "kumar_tied"), points, quick()).ruling; };
  CHECK(ruling("gamma > 1") == Ruling::Supported);
  CHECK(ruling("gamma > 2") == Ruling::Refuted);
  CHECK(ruling("gamma in [1, 2]") == Ruling::Supported);
  CHECK(ruling("gamma in [2, 3]") == Ruling::Refuted);
  CHECK(ruling("gamma < 1.5") == Ruling::Undecided);
  CHECK(ruling("P* < 12") == Ruling::Supported);
  CHECK(ruling("P* < 2") == Ruling::Refuted);
}

TEST_CASE("a fit that is known serves an interval claim", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.002, 7);
  FitSummary known = synthetic::chinchilla();
  known.bootstrap.assign(200, known.values());
  for (auto& parameter : known.parameters) {
    parameter.lo = parameter.value - 0.01, parameter.hi = parameter.value + 0.01;
    parameter.identified = true;
  }
  const Decision decision = decide(of("alpha in [0.2, 0.24]", "chinchilla"), points, quick(), {known});
  CHECK(decision.effect->value == 0.22);
  CHECK(decision.ruling == Ruling::Supported);
  auto fixing = quick();
  fixing.fit.fix["alpha"] = 0.4;  // whose own fit cannot say anything of alpha
  CHECK(decide(of("alpha in [0.2, 0.24]", "chinchilla"), points, fixing, {known}).effect->value != 0.22);
}

TEST_CASE("what no number of such runs can decide is undecided, and says so", "[fit]") {
  auto points = synthetic::runs(synthetic::kumar_tied(), {3, 4, 6, 16}, 0.002, 9);  // all parts have the same bits
  const Decision equal = decide(of("gamma_w == gamma_a", "kumar_joint"), points, quick(19));
  CHECK(equal.ruling == Ruling::Undecided);
  CHECK_FALSE(equal.more_runs);
  CHECK_THAT(equal.sentence, ContainsSubstring("More runs of this kind cannot decide it"));
  const Decision above = decide(of("gamma_w > 1", "kumar_joint"), points, quick());
  CHECK(above.ruling == Ruling::Undecided);
  CHECK_THAT(above.why, ContainsSubstring("do not identify"));
}

TEST_CASE("runs that cannot speak of a claim leave it undecided with the reason", "[fit][fast]") {
  auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.002, 9);
  CHECK_THAT(decide(of("delta_ptq grows with D/N"), points, quick()).sentence,
             ContainsSubstring("is undecided by these data: no run is quantized after training"));
  points.resize(4);
  const Decision few = decide(of("alpha == beta", "chinchilla"), points, quick());
  CHECK(few.ruling == Ruling::Undecided);
  CHECK_THAT(few.why, ContainsSubstring("more runs than the 5 free parameters, got 4"));
  CHECK_FALSE(few.effect);
}

TEST_CASE("as many more runs as are said to decide a claim decide it in most cases", "[fit][slow]") {
  const auto law = chinchilla(0.3, 0.3);
  const auto hypothesis = of("beta > 0.28", "chinchilla");
  int asked = 0, decided = 0;
  for (std::uint64_t set = 0; set < 12 && asked < 4; ++set) {
    const auto points = synthetic::runs(law, {16}, 0.006, 50 + set);
    const Decision first = decide(hypothesis, points, quick());
    if (!first.more_runs || *first.more_runs > 20 * std::int64_t(points.size())) continue;
    ++asked;
    const auto times = 1 + (std::size_t(*first.more_runs) + points.size() - 1) / points.size();
    const auto as_estimated = fit::fit("chinchilla", points, quick().fit);
    for (std::uint64_t again = 0; again < 5; ++again) {
      Points many;
      for (std::size_t k = 0; k < times; ++k)
        for (auto& point : synthetic::runs(as_estimated, {16}, 0.006, 1000 * set + 100 * again + k)) {
          many.push_back(point);
          many.back().run += fmt::format("-{}", k);
        }
      decided += decide(hypothesis, many, quick()).ruling != Ruling::Undecided;
    }
  }
  REQUIRE(asked == 4);
  CHECK(decided >= 12);
}

TEST_CASE("a difference beyond its margin asks for as many runs as would bring its p below 0.05", "[fit][fast]") {
  Decision decision;
  decision.runs = 100;
  decision.p = 0.10;
  decision.effect = Effect{"spread", "1", 0.5, 0.4, 0.7, 0.2};  // of a largest less a smallest, never at zero
  rule_by_difference(decision, true);
  CHECK(decision.ruling == Ruling::Undecided);
  // (1.960 + 0.842)^2 / 1.645^2 = 2.90
  CHECK(decision.more_runs == 191);
  decision.p = 1;
  decision.more_runs.reset();
  rule_by_difference(decision, true);
  CHECK_FALSE(decision.more_runs);
  CHECK_THAT(decision.why, ContainsSubstring("cannot decide it"));
}

TEST_CASE("a decision depends neither on the order of the runs nor on the number of threads", "[fit]") {
  auto points = synthetic::runs(chinchilla(0.28, 0.3), {16}, 0.003, 3);
  auto options = quick(39);
  const auto one = to_json(decide(of("alpha == beta", "chinchilla"), points, options)).dump();
  std::reverse(points.begin(), points.end());
  options.fit.threads = 3;
  CHECK(to_json(decide(of("alpha == beta", "chinchilla"), points, options)).dump() == one);
}

TEST_CASE("the JSON of a decision has every key, null where it does not apply", "[fit][fast]") {
  const auto points = synthetic::runs(synthetic::chinchilla(), {16}, 0.002, 9);
  const Json json = to_json(decide(of("loss falls with N"), points, quick()));
  CHECK(json["verdict"] == "supported");
  CHECK(json["law"].is_null());
  CHECK(json["statistic"].is_null());
  CHECK(json["more_runs"].is_null());
  CHECK(json["runs"] == 25);
  CHECK(json["effect"]["hi"] < 0);
  for (const char* key : {"claim", "effect", "p", "why", "sentence"}) CHECK(json.contains(key));
  const Json absent = to_json(decide(of("delta grows with D"), points, quick()));
  CHECK((absent["effect"].is_null() && absent["p"].is_null() && absent["verdict"] == "undecided"));
}
