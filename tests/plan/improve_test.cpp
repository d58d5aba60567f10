#include "plan/improve.h"

#include <cmath>
#include <fstream>
#include <map>

#include "base/stream.h"
#include "catch.h"
#include "fit/fit.h"
#include "plan/cost.h"
#include "plan/example.h"
#include "plan/grid.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;

namespace {

/// Twenty tokens for each parameter throughout, which ties what N says to what D says.
const std::string kUnwise = R"(name: unwise
corpus: {kind: oracle, vocab: 32, orders: 2, contexts: 1024}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.004, warmup_tokens: 1280}
validation_tokens: 1024
grid:
  sizes:
    - {depth: 2, width: 16, tokens: [134656]}
    - {depth: 2, width: 24, tokens: [278784]}
    - {depth: 2, width: 32, tokens: [535680]}
    - {depth: 2, width: 48, tokens: [1109760]}
    - {depth: 2, width: 64, tokens: [2013440]}
    - {depth: 2, width: 96, tokens: [4433280]}
  tokens: [134656]
  numbers:
    - {weights: fp32}
    - {weights: int4/channel}
    - {weights: int6/channel}
  seeds: [1, 2, 3]
fit: {laws: [chinchilla, kumar_weights]}
)";

/// The same sizes, each at four numbers of tokens.
const std::string kWise = R"(name: wise
corpus: {kind: oracle, vocab: 32, orders: 2, contexts: 1024}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.004, warmup_tokens: 1280}
validation_tokens: 1024
grid:
  sizes: [{depth: 2, width: 16}, {depth: 2, width: 32}, {depth: 2, width: 64}, {depth: 2, width: 96}]
  tokens: [131072, 524288, 2097152, 8388608]
  numbers: [{weights: fp32}, {weights: int3/channel}, {weights: int4/channel}, {weights: int6/channel}]
  seeds: [1]
)";

fit::FitSummary law_of(const std::string& name, const std::vector<std::pair<std::string, double>>& parameters) {
  fit::FitSummary law;
  law.law = name;
  for (const auto& [symbol, value] : parameters) {
    law.symbols.push_back(symbol);
    law.parameters.push_back({value, {}, {}, {}, {}});
  }
  return law;
}

const fit::FitSummary kChinchilla =
    law_of("chinchilla", {{"E", 1.6}, {"A", 8}, {"B", 120}, {"alpha", 0.3}, {"beta", 0.4}});
const fit::FitSummary kWeights = law_of(
    "kumar_weights", {{"E", 1.6}, {"A", 8}, {"B", 120}, {"alpha", 0.3}, {"beta", 0.4}, {"gamma_w", 2.5}, {"n_w", 0.3}});

Assumed assumed_laws() {
  Assumed assumed;
  assumed.noise = 0.0007;
  assumed.fits = {kChinchilla, kWeights};
  return assumed;
}

std::vector<RunSpec> runs_in(const Improvement& found) {
  std::vector<RunSpec> runs;
  for (const Proposed& cell : found.cells) runs.insert(runs.end(), cell.runs.begin(), cell.runs.end());
  return runs;
}

/// Estimates of a parameter from data sets that the law and the noise made.
std::vector<double> estimates(const fit::FitSummary& law, const std::string& parameter,
                              const std::vector<RunSpec>& runs, double noise, int sets) {
  auto points = points_of_law(law.law, points_of(runs));
  const auto place = std::find(law.symbols.begin(), law.symbols.end(), parameter) - law.symbols.begin();
  std::vector<double> found;
  for (int set = 0; set < sets; ++set) {
    const Stream stream = Stream(7).child(static_cast<std::uint64_t>(set));
    for (std::size_t i = 0; i < points.size(); ++i)
      points[i].loss = fit::loss(law, law.values(), points[i]) * std::exp(noise * stream.normals(i)[0]);
    const fit::FitOptions options{.huber_delta = 0.01, .starts = 6, .bootstrap = 0, .threads = 1};
    found.push_back(fit::fit(law.law, points, options).parameters[static_cast<std::size_t>(place)].value);
  }
  return found;
}

double interval_width(const std::vector<double>& values) {
  const auto range = fit::interval_90(values);
  return range->second - range->first;
}

double deviation(const std::vector<double>& values) {
  double mean = 0, square = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) square += (value - mean) * (value - mean);
  return std::sqrt(square / static_cast<double>(values.size() - 1));
}

}  // namespace

TEST_CASE("the proposal beats the grid as written by the interval that fits of simulated runs obtain", "[plan][slow]") {
  const Assumed assumed = assumed_laws();
  const bool unwise = GENERATE(true, false);
  const auto [law, quantity] =
      GENERATE(std::pair("chinchilla", "E"), std::pair("chinchilla", "alpha"), std::pair("kumar_weights", "gamma_w"));
  INFO(law << " " << quantity << (unwise ? ", unwise" : ", wise"));
  const fit::FitSummary& truth = std::string(law) == "chinchilla" ? kChinchilla : kWeights;
  Experiment experiment = read(unwise ? kUnwise : kWise);
  experiment.fit.laws = {law};
  const Improvement found =
      improvement(experiment, {}, assumed, {.budget = "100%", .quantity = quantity, .compute = {}});
  CHECK(found.proposed.flops <= found.written.flops * (1 + 1e-9));
  const double before = interval_width(estimates(truth, quantity, runs_of(experiment), assumed.noise, 40));
  const double after = interval_width(estimates(truth, quantity, runs_in(found), assumed.noise, 40));
  const double expected = *found.proposed.expected.hi - *found.proposed.expected.lo;
  INFO("written " << before << ", proposed " << after << ", expected " << expected);
  CHECK(after < 0.7 * before);
  CHECK_THAT(after, WithinRel(expected, 0.4));
}

TEST_CASE("expected intervals are those that simulated data obtain", "[plan][slow]") {
  const Experiment experiment = read(kWise);
  const Assumed assumed = assumed_laws();
  const auto runs = runs_of(experiment);
  for (const auto& expected : foresee({"kumar_weights"}, points_of(runs), assumed).identifies) {
    if (!expected.identified) continue;
    INFO(expected.parameter);
    const double sd = (*expected.hi - *expected.lo) / (2 * 1.6448536);
    CHECK_THAT(deviation(estimates(kWeights, expected.parameter, runs, assumed.noise, 100)), WithinRel(sd, 0.3));
  }
}

TEST_CASE("a proposal keeps its budget by the count of plan/cost.h, and is the same every time", "[plan][fast]") {
  const Experiment experiment = read(kUnwise);
  for (const auto& [budget, quantity] :
       {std::pair("10%", "gamma_w"), std::pair("100%", "E"), std::pair("2e12", "beta")}) {
    INFO(budget);
    const ImproveAsked asked{.budget = budget, .quantity = quantity, .compute = {}};
    const Improvement found = improvement(experiment, {}, assumed_laws(), asked);
    const auto runs = runs_in(found);
    const double flops = cost_of(cohorts_of(runs, experiment.corpus_digest), Speed()).flops;
    CHECK(flops <= found.budget * (1 + 1e-9));
    CHECK(flops == found.proposed.flops);
    CHECK(static_cast<std::int64_t>(runs.size()) == found.proposed.runs);
    double parts = 0, shares = 0;
    for (const Proposed& cell : found.cells) parts += cell.flops, shares += cell.share;
    CHECK_THAT(parts, WithinRel(flops, 1e-9));
    CHECK_THAT(shares, WithinRel(1.0, 1e-9));
    CHECK(to_json(found) == to_json(improvement(experiment, {}, assumed_laws(), asked)));
  }
}

TEST_CASE("a larger budget narrows the interval, and runs that are done narrow it without being bought",
          "[plan][fast]") {
  const Experiment experiment = read(kUnwise);
  const auto width = [](const Outlook& outlook) { return *outlook.expected.hi - *outlook.expected.lo; };
  ImproveAsked asked{.budget = "50%", .quantity = "E", .compute = {}};
  const Improvement half = improvement(experiment, {}, assumed_laws(), asked);
  std::set<std::string> done;
  for (const RunSpec& run : runs_of(experiment))
    if (run.seed == 1) done.insert(run_id(run, experiment.corpus_digest));
  const Improvement begun = improvement(experiment, done, assumed_laws(), asked);
  asked.budget = "100%";
  const Improvement whole = improvement(experiment, {}, assumed_laws(), asked);
  CHECK(width(whole.proposed) < width(half.proposed));
  CHECK(width(begun.proposed) < width(half.proposed));
  CHECK(begun.now.runs == 18);
  CHECK(begun.now.flops > 0);
  CHECK_FALSE(half.now.expected.lo);
  for (const RunSpec& run : runs_in(begun)) CHECK_FALSE(done.contains(run_id(run, experiment.corpus_digest)));
}

TEST_CASE("without a quantity the least known parameter of the first law is chosen, and that is said", "[plan][fast]") {
  const Improvement free = improvement(read(kUnwise), {}, Assumed{}, {.budget = "100%", .quantity = "", .compute = {}});
  CHECK(free.law == "chinchilla");
  CHECK(free.why == "the grid as written leaves it free");
  const Improvement wide =
      improvement(read(kUnwise), {}, assumed_laws(), {.budget = "100%", .quantity = "", .compute = {}});
  CHECK_THAT(wide.why, ContainsSubstring("widest"));
  CHECK((wide.quantity == "E" || wide.quantity == "alpha" || wide.quantity == "beta"));
}

TEST_CASE("a quantity may follow from the parameters, and one that does not move with them is refused",
          "[plan][fast]") {
  Experiment experiment = read(kWise);
  experiment.fit.laws = {"kumar_weights", "kumar_tied"};
  const auto ask = [&](const std::string& quantity, std::optional<double> compute) {
    return improvement(experiment, {}, assumed_laws(), {.budget = "100%", .quantity = quantity, .compute = compute});
  };
  const Improvement bits = ask("P*", {});
  CHECK(bits.law == "kumar_weights");
  CHECK(bits.proposed.expected.lo);
  const Improvement size = ask("N*", 1e15);
  CHECK(size.proposed.expected.value > 1e4);
  CHECK(*size.proposed.expected.hi / *size.proposed.expected.lo <
        *size.written.expected.hi / *size.written.expected.lo);
  CHECK_THROWS_WITH(ask("N*", {}), ContainsSubstring("--compute"));
  CHECK_THROWS_WITH(ask("zeta", {}), ContainsSubstring("--quantity: expected P*, N* or one of E, A, B"));
  experiment.fit.laws = {"kumar_weights"};
  CHECK_THROWS_WITH(improvement(experiment, {}, Assumed{}, {.budget = "100%", .quantity = "P*", .compute = {}}),
                    ContainsSubstring("moves with the parameters"));
}

TEST_CASE("a budget that is none is refused with what is expected", "[plan][fast]") {
  const Experiment experiment = read(kSmall);
  for (const char* budget : {"", "12x", "-1e12", "0%", "nan", "%"})
    CHECK_THROWS_WITH(improvement(experiment, {}, Assumed{}, {.budget = budget, .quantity = "", .compute = {}}),
                      ContainsSubstring("--improve: expected FLOPs"));
  CHECK_THROWS_WITH(improvement(experiment, {}, Assumed{}, {.budget = "10", .quantity = "", .compute = {}}),
                    ContainsSubstring("one run at least"));
}

TEST_CASE("a proposal is an experiment that reads as it stands, with the ids that it named", "[plan][fast]") {
  const Example example(kUnwise);
  const Experiment experiment = read_experiment(example.folder());
  const auto written = runs_of(experiment);
  const std::set<std::string> done{run_id(written[0], experiment.corpus_digest)};
  const Improvement found =
      improvement(experiment, done, assumed_laws(), {.budget = "10%", .quantity = "gamma_w", .compute = {}});
  const auto file = example.folder() / "next.yaml";
  std::ofstream(file) << experiment_text(experiment, done, found, file);
  const Experiment next = read_experiment(file);
  auto expected = runs_in(found);
  expected.insert(expected.begin(), written[0]);
  const auto runs = runs_of(next);
  REQUIRE(runs.size() == expected.size());
  for (std::size_t i = 0; i < runs.size(); ++i)
    CHECK(run_id(runs[i], next.corpus_digest) == run_id(expected[i], experiment.corpus_digest));
  CHECK(improvement(next, {}, assumed_laws(), {.budget = "20%", .quantity = "E", .compute = {}}).candidates > 0);
}
