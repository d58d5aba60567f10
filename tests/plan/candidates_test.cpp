#include "plan/candidates.h"

#include <algorithm>
#include <set>

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"
#include "plan/numbers.h"
#include "record/recipe.h"

using namespace vernier;
using namespace vernier::plan;

namespace {

bool has(const Candidates& all, RunSpec run) {
  const bool seed = std::find(all.seeds.begin(), all.seeds.end(), run.seed) != all.seeds.end();
  run.seed = 0;
  return seed && std::any_of(all.runs.begin(), all.runs.end(),
                             [&](const Candidate& candidate) { return run_id(candidate.run, "") == run_id(run, ""); });
}

double params_of(const RunSpec& run) { return parameters_of({}, run.shape).non_embedding(); }

}  // namespace

TEST_CASE("every run of the grid is a candidate, and no candidate stands twice", "[plan][fast]") {
  const Experiment experiment = read(kSmall);
  const Candidates all = candidates_of(experiment);
  for (const RunSpec& run : runs_of(experiment)) CHECK(has(all, run));
  std::set<std::string> ids;
  for (const Candidate& candidate : all.runs) ids.insert(run_id(candidate.run, ""));
  CHECK(ids.size() == all.runs.size());
}

TEST_CASE("candidates train whole steps and lie within four times the grid", "[plan][fast]") {
  const Experiment experiment = read(kSmall);
  double fewest = 1e300, most = 0;
  for (const RunSpec& run : runs_of(experiment)) {
    fewest = std::min(fewest, params_of(run));
    most = std::max(most, params_of(run));
  }
  std::set<double> sizes;
  std::set<std::int64_t> tokens;
  for (const Candidate& candidate : candidates_of(experiment).runs) {
    const RunSpec& run = candidate.run;
    CHECK(run.tokens % (run.training.batch * run.shape.context) == 0);
    CHECK(candidate.steps.total * run.training.batch * run.shape.context == run.tokens);
    CHECK(params_of(run) >= fewest / 4);
    CHECK(params_of(run) <= most * 4);
    sizes.insert(params_of(run));
    tokens.insert(run.tokens);
  }
  CHECK(*sizes.begin() < fewest);
  CHECK(*sizes.rbegin() > most);
  CHECK(*tokens.begin() == 12800);
  CHECK(*tokens.rbegin() > 128000);
  CHECK(*tokens.rbegin() <= 4 * 128000);
}

TEST_CASE("a size that the grid does not have gets default heads and a rate between those of its neighbours",
          "[plan][fast]") {
  for (const Candidate& candidate : candidates_of(read(kSmall)).runs) {
    const RunSpec& run = candidate.run;
    CHECK(run.training.learning_rate <= 0.004);
    CHECK(run.training.learning_rate >= 0.003);
    if (run.shape.width == 32) CHECK(run.training.learning_rate == 0.004);
    if (run.shape.width != 48) CHECK(run.shape.heads == default_heads(run.recipe, run.shape.width));
  }
}

TEST_CASE("integers come with their other bit widths, in the same granularity, and floats as they are",
          "[plan][fast]") {
  const auto experiment =
      read(with("- {weights: fp32}", "- {weights: sint4/channel, kv: int8/token}\n    - {weights: e4m3}"));
  std::vector<NumbersSpec> numbers;
  for (const Candidate& candidate : candidates_of(experiment).runs)
    if (std::find(numbers.begin(), numbers.end(), candidate.run.numbers) == numbers.end())
      numbers.push_back(candidate.run.numbers);
  const auto count = [&](auto condition) { return std::count_if(numbers.begin(), numbers.end(), condition); };
  CHECK(count([](const auto& n) { return n.weights == "e4m3"; }) == 1);
  CHECK(count([](const auto& n) { return n.weights.starts_with("sint") && n.kv == "int8/token"; }) == 6);
  CHECK(count([](const auto& n) { return n.weights == "sint4/channel" && n.kv.ends_with("/token"); }) == 6);
  CHECK(count([](const auto& n) { return n.weights == "int5/channel" && n.kv == "int5/tensor"; }) == 1);
  for (const auto& entry : numbers) CHECK(problems_by_part(entry).empty());
}

TEST_CASE("widths of candidates fit the rotation that the grid asks for", "[plan][fast]") {
  const auto experiment = read(with("- {weights: fp32}", "- {weights: int4/channel, rotation: hadamard16}"));
  for (const Candidate& candidate : candidates_of(experiment).runs) {
    CHECK(candidate.run.shape.width % 16 == 0);
    CHECK(mlp_width({}, candidate.run.shape) % 16 == 0);
  }
}
