#include "fit/optimum.h"

#include <filesystem>
#include <fstream>

#include "law/invert.h"

#include "synthetic.h"

#include "catch.h"

using namespace vernier;
using namespace vernier::fit;
using Catch::Matchers::ContainsSubstring;
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

namespace {

const FitSummary kFloatBits = synthetic::law_of("float_bits", {{"eps", 1.9061},
                                                               {"n", 69.2343},
                                                               {"d", 68973.0621},
                                                               {"alpha", 0.2368},
                                                               {"beta", 0.5162},
                                                               {"g", 11334.5197},
                                                               {"delta", 3.1926},
                                                               {"nu", 2.9543}});
const FitSummary kGmse = synthetic::law_of(
    "gmse", {{"E", 1}, {"A", 8.1}, {"B", 86}, {"alpha", 0.1}, {"beta", 0.24}, {"F", 0.4344}, {"K", 3.4227}, {"K1", 1}});
const FitSummary kQat = synthetic::law_of("qat_group", {{"E", 1.9279},
                                                        {"A", 237.7042},
                                                        {"B", 596.2490},
                                                        {"k", 0.1582},
                                                        {"alpha", 0.3022},
                                                        {"beta", 0.3022},
                                                        {"gN", 0.2186},
                                                        {"gD", 0.0745},
                                                        {"gG", 0.7779}});
const FitSummary kKaplan =
    synthetic::law_of("kaplan", {{"alpha_N", 0.076}, {"alpha_D", 0.103}, {"Nc", 6.4e13}, {"Dc", 1.8e13}});

FitSummary outer() {
  FitSummary law = synthetic::law_of("chinchilla_outer", {{"E", 1.340846},
                                                          {"A", 127444.69},
                                                          {"B", 465834.31},
                                                          {"alpha", 0.578520},
                                                          {"beta", 0.538877},
                                                          {"outer", 0.276416},
                                                          {"effN_e2m1", 0.6452},
                                                          {"effN_int8", 0.97},
                                                          {"effD_e2m1", 0.8935},
                                                          {"effD_old", 0.5}});
  law.labels = {{"effN_e2m1", "e2m1/block32:e8m0 e2m1/block32:e8m0 fp32"},
                {"effN_int8", "int8/channel int8/tensor fp32"},
                {"effD_e2m1", "e2m1/block32:e8m0 rounding=stochastic"},
                {"effD_old", "Eden32"}};
  return law;
}

std::string file_of(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / ("vernier_optimum_test_" + name);
  std::ofstream(path) << text;
  return path.string();
}

}  // namespace

TEST_CASE("no neighbour on the budget is better, whatever the law", "[fit][fast]") {
  for (const FitSummary& law : {kKaplan, kQat, kFloatBits, kGmse, kumar_tied_with(1.9, 0.2)}) {
    const Optimum best = optimum_of(law, {1e20, {}, {}, {}});
    const double p = best.p.value_or(16);
    INFO(law.law);
    CHECK_THAT(6 * best.n * best.d * p / 16, WithinRel(1e20, 1e-12));
    CHECK(best.bounds.empty());
    for (const double n : {0.98, 1.02})
      for (const double q : {0.98, 1.0, 1.02}) {
        auto point = law.law == "kaplan" ? law::RunPoint{} : point_at_bits(law, law.values(), p * (best.p ? q : 1));
        point.params = best.n * n, point.tokens = best.d / (best.p ? n * q : n);
        CHECK(loss(law, law.values(), point) > best.loss);
      }
  }
}

TEST_CASE("P is searched at fixed N and at fixed D for laws with a penalty, too", "[fit][fast]") {
  for (const Budget& budget : {Budget{1e22, 1e9, {}, {}}, Budget{1e22, {}, 1e11, {}}}) {
    const Optimum best = optimum_of(kFloatBits, budget);
    CHECK(best.interior);
    CHECK_THAT(6 * best.n * best.d * *best.p / 16, WithinRel(1e22, 1e-12));
    for (const double p : {0.99 * *best.p, 1.01 * *best.p}) {
      Budget held = budget;
      held.bits = p;
      CHECK(optimum_of(kFloatBits, held).loss > best.loss);
    }
  }
}

TEST_CASE("larger groups cost a float law loss, and more bits are then better", "[fit][fast]") {
  Budget budget{1e23, {}, {}, {}};
  const Optimum small = optimum_of(kFloatBits, budget);
  budget.precision.group = 4096;
  const Optimum large = optimum_of(kFloatBits, budget);
  CHECK(large.loss > small.loss);
  CHECK(*large.p > *small.p);
}

TEST_CASE("the error of whole bits is that of the integer format, and lies between them in between", "[fit][fast]") {
  const auto error = [](double bits) { return point_at_bits(kGmse, kGmse.values(), bits).weights.gaussian_error; };
  CHECK_THAT(error(1), WithinRel(0.363380, 2e-6));  // known answers of LAWS.md, section 2.3
  CHECK_THAT(error(4), WithinRel(0.0118640, 4e-6));
  CHECK_THAT(error(8), WithinRel(8.77069e-5, 4e-6));
  CHECK_THAT(error(4.5), WithinRel(std::sqrt(error(4) * error(5)), 1e-12));
  CHECK(error(16) < error(12));
}

TEST_CASE("qat_group knows one precision: held bits are what it costs", "[fit][fast]") {
  const Optimum plain = optimum_of(kQat, {1e20, {}, {}, {}});
  CHECK_FALSE(plain.p.has_value());
  CHECK_THAT(6 * plain.n * plain.d, WithinRel(1e20, 1e-12));
  const Optimum at4 = optimum_of(kQat, {1e20, {}, {}, 4});
  CHECK(*at4.p == 4);
  CHECK_THAT(6 * at4.n * at4.d * 4 / 16, WithinRel(1e20, 1e-12));
  CHECK(at4.loss < plain.loss);
}

TEST_CASE("chinchilla_outer chooses the pair of formats with most efficiency per cost", "[fit][fast]") {
  const Optimum best = optimum_of(outer(), {1e22, {}, {}, {}});
  CHECK(best.format == "int8 forward, e2m1 backward");  // .97 x .8935 at a third, before .6452 x .8935 at a quarter
  CHECK_THAT(*best.p, WithinRel((8 + 2 * 4) / 3.0, 1e-12));
  CHECK(best.interior);
  CHECK_THAT(6 * best.n * best.d * *best.p / 16, WithinRel(1e22, 1e-12));
  REQUIRE(best.left_out.size() == 1);
  CHECK(best.left_out[0].format == "old");
  const Optimum wide = optimum_of(outer(), {1e22, {}, {}, 16});
  CHECK(wide.format == "16 bits");
  CHECK(wide.loss > best.loss);
}

TEST_CASE("measured costs decide the format, and only listed formats are candidates", "[fit][fast]") {
  Budget budget{1e22, {}, {}, {}};
  budget.precision.costs = {{"e2m1", 0.9, ""}, {"int8", 0.55, ""}};
  Optimum best = optimum_of(outer(), budget);
  CHECK(best.format == "int8 forward, 16 bits backward");  // .97/(.55/3 + 2/3) beats 1 and .6452 x .8935/.9
  CHECK_THAT(6 * best.n * best.d * (0.55 + 2) / 3, WithinRel(1e22, 1e-12));
  budget.precision.costs = {{"e2m1", 0.99, ""}};
  CHECK(optimum_of(outer(), budget).format == "16 bits");
  budget.precision.costs = {{"Eden32", 0.001, ""}};  // a foreign name that stands in a label
  CHECK(optimum_of(outer(), budget).format == "16 bits forward, old backward");
  budget.precision.costs = {{"e5m2", 0.1, ""}};
  best = optimum_of(outer(), budget);
  REQUIRE(best.left_out.size() == 1);
  CHECK(best.left_out[0].format == "e5m2");
}

TEST_CASE("with the costs of P/16 the formats of a law of bits lie on its curve", "[fit][fast]") {
  const FitSummary law = kumar_tied_with(1.9, 0.2);
  Budget budget{1e20, {}, {}, {}};
  for (const int bits : {1, 2, 3, 4, 6, 8, 12})
    if (bits > 1) budget.precision.costs.push_back({fmt::format("int{}", bits), bits / 16.0, ""});
  const Optimum best = optimum_of(law, budget), curve = optimum_of(law, {1e20, {}, {}, {}});
  CHECK(best.format == fmt::format("int{}", *best.p));
  CHECK(best.loss >= curve.loss);
  CHECK_THAT(best.loss, WithinRel(optimum_of(law, {1e20, {}, {}, *best.p}).loss, 1e-12));
  CHECK(best.interior);
  budget.precision.costs = {{"int8", 4, ""}};  // slower than 16 bits
  CHECK(optimum_of(law, budget).format == "16 bits");
  budget.precision.costs = {{"int2", 0.1, ""}, {"bf16", 1.5, ""}};
  const FitSummary strict = kumar_tied_with(2, 3);  // int2 lies outside this law
  const Optimum wide = optimum_of(strict, budget);
  CHECK(wide.format == "bf16");
  CHECK_THAT(6 * wide.n * wide.d * 1.5, WithinRel(1e20, 1e-12));
  REQUIRE(wide.left_out.size() == 1);
  CHECK(wide.left_out[0].format == "int2");
}

TEST_CASE("costs of formats are refused where they mean nothing", "[fit][fast]") {
  Budget budget{1e20, {}, {}, {}};
  budget.precision.costs = {{"int8", 0.5, "costs.yaml:1"}};
  CHECK_THROWS_WITH(optimum_of(synthetic::chinchilla(), budget), ContainsSubstring("does not tell formats apart"));
  budget.precision.costs = {{"inf8", 0.5, "costs.yaml:1"}};
  CHECK_THROWS_WITH(optimum_of(kumar_tied_with(1.9, 0.2), budget), ContainsSubstring("costs.yaml:1"));
}

TEST_CASE("costs are read from YAML and CSV alike", "[fit][fast]") {
  const auto yaml = read_costs(file_of("good.yaml", "# A100\nint8: 0.55\ne4m3: 0.6\n"));
  const auto csv = read_costs(file_of("good.csv", "format,cost\nint8,0.55\ne4m3,0.6\n"));
  REQUIRE((yaml.size() == 2 && csv.size() == 2));
  for (std::size_t k = 0; k < 2; ++k) CHECK((yaml[k].format == csv[k].format && yaml[k].cost == csv[k].cost));
  CHECK((yaml[1].format == "e4m3" && yaml[1].cost == 0.6));
}

TEST_CASE("every problem of a file of costs is named with its line", "[fit][fast]") {
  const auto problems_of = [](const std::string& name, const std::string& text) {
    try {
      read_costs(file_of(name, text));
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
    return std::string("none");
  };
  const std::string yaml = problems_of("bad.yaml", "int8: fast\nint4: -1\ne4m3: 0.5\ne4m3: 0.6\nint6: [1, 2]\n");
  for (const char* expected : {"bad.yaml:1: int8: expected a cost above zero", "bad.yaml:2: int4",
                               "bad.yaml:4: e4m3: given twice, first in line 3", "bad.yaml:5: expected"})
    CHECK_THAT(yaml, ContainsSubstring(expected));
  CHECK_THAT(problems_of("bad.csv", "format,cost\nint8,\n,0.5\n"), ContainsSubstring("bad.csv:2: int8"));
  CHECK_THAT(problems_of("columns.csv", "name,speed\nint8,1\n"), ContainsSubstring("columns format and cost"));
  CHECK_THAT(problems_of("list.yaml", "- int8\n"), ContainsSubstring("list.yaml:1"));
  CHECK_THAT(problems_of("broken.yaml", "int8: [\n"), ContainsSubstring("not YAML"));
  CHECK_THAT(problems_of("empty.yaml", ""), ContainsSubstring("at least one format"));
}

TEST_CASE("a model that is quantized after training is best trained larger and shorter", "[fit][fast]") {
  FitSummary law = synthetic::law_of("qid", {{"k", 0.017}, {"beta", 0.5251}, {"alpha", 0.2261}, {"gamma", 5.4967}});
  Budget budget{1e22, {}, {}, {}};
  budget.precision.post = "int3/channel";
  CHECK_THROWS_WITH(optimum_of(law, budget), ContainsSubstring("needs the law of the loss before"));
  law.base.push_back(kKaplan);
  const Optimum best = optimum_of(law, budget), unquantized = optimum_of(kKaplan, {1e22, {}, {}, {}});
  CHECK(best.n > unquantized.n);
  CHECK(best.loss > unquantized.loss);
  CHECK_FALSE(best.p.has_value());
  budget.precision.post = "";
  CHECK_THROWS_WITH(optimum_of(law, budget), ContainsSubstring("--post"));
}

TEST_CASE("only a penalty that grows with D makes the best D of an inference budget finite", "[fit][fast]") {
  Budget budget;
  budget.inference = 1e10;
  const Optimum best = optimum_of(kFloatBits, budget);
  CHECK_THAT(best.n * *best.p, WithinRel(1e10, 1e-12));
  CHECK(best.interior);
  for (const double d : {0.99 * best.d, 1.01 * best.d}) {
    auto point = point_at_bits(kFloatBits, kFloatBits.values(), *best.p);
    point.params = best.n, point.tokens = d;
    CHECK(loss(kFloatBits, kFloatBits.values(), point) > best.loss);
  }
  CHECK_THROWS_WITH(optimum_of(kumar_tied_with(1.9, 0.2), budget), ContainsSubstring("no penalty"));
  CHECK_THROWS_WITH(optimum_of(kQat, budget), ContainsSubstring("--hold p"));
  budget.bits = 4;
  CHECK_THAT(optimum_of(kQat, budget).n, WithinRel(2.5e9, 1e-12));
}

TEST_CASE("intervals of a law on a base law take both from replicates", "[fit][fast]") {
  FitSummary law = synthetic::law_of("qid", {{"k", 0.017}, {"beta", 0.5251}, {"alpha", 0.2261}, {"gamma", 5.4967}});
  law.base.push_back(kKaplan);
  for (int r = 0; r < 20; ++r) {
    law.bootstrap.push_back(law.values());
    law.base[0].bootstrap.push_back(kKaplan.values());
    law.base[0].bootstrap.back()[2] *= 1 + 0.01 * r;
  }
  Budget budget{1e22, {}, {}, {}};
  budget.precision.post = "int4/channel";
  const auto found = optimum_with_intervals(law, budget);
  REQUIRE(found.n.lo);
  CHECK(*found.n.lo < *found.n.hi);
  law.bootstrap.clear();
  CHECK_FALSE(optimum_with_intervals(law, budget).n.lo);
}

TEST_CASE("a base law is written with its law and read back", "[fit][fast]") {
  FitSummary law = synthetic::law_of("qid", {{"k", 0.017}, {"beta", 0.5251}, {"alpha", 0.2261}, {"gamma", 5.4967}});
  CHECK(to_json(law)["base"].is_null());
  CHECK(summary_from_json(to_json(law), "here").base.empty());
  law.base.push_back(kKaplan);
  const FitSummary back = summary_from_json(to_json(law), "here");
  REQUIRE(back.base.size() == 1);
  CHECK((back.base[0].law == "kaplan" && back.base[0].values() == kKaplan.values()));
}
