#include "plan/compression.h"

#include "catch.h"
#include "plan/example.h"
#include "plan/grid.h"
#include "record/recipe.h"

using namespace vernier;
using namespace vernier::plan;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string kCompression = R"(compression:
  variants:
    - {method: unstructured, share: 0.5, tokens: 2560}
    - {method: structured, share: 0.25, tokens: 0, learning_rate: 0.001}
    - {method: distilled, depth: 1, width: 32, tokens: 12800}
)";

/// kSmall with `compression:`, one line of which may be replaced.
std::string asking(const std::string& from = "", const std::string& to = "") {
  return kSmall + (from.empty() ? kCompression : with(from, to, kCompression));
}

struct Planned {
  Experiment experiment;
  std::vector<RunSpec> runs;
  std::optional<Compression> compression;
  explicit Planned(const std::string& text)
      : experiment(read(text)), runs(runs_of(experiment)), compression(compression_of(experiment.compression, runs)) {}
};

StoredRun done(const RunSpec& spec, std::vector<Compressed> rows = {}) {
  StoredRun run;
  run.spec = spec;
  run.record.status = "done";
  run.compressed = std::move(rows);
  return run;
}

}  // namespace

TEST_CASE("unrounded runs on the most tokens are compressed, of every size and seed", "[plan][fast]") {
  const Planned planned(asking());
  CHECK(planned.compression->of_tokens == 128000);
  int compressed = 0;
  for (const RunSpec& run : planned.runs) {
    const bool asked = run.tokens == 128000 && run.numbers.weights == "fp32";
    CHECK(variants_of(*planned.compression, run).size() == (asked ? 3 : 0));
    compressed += asked;
  }
  CHECK(compressed == 3);  // width 32 with seed 1, width 48 with seeds 1 and 2
}

TEST_CASE("of_tokens says which runs instead", "[plan][fast]") {
  const Planned planned(asking("compression:\n", "compression:\n  of_tokens: 25600\n"));
  for (const RunSpec& run : planned.runs)
    CHECK(variants_of(*planned.compression, run).empty() == (run.tokens != 25600 || run.numbers.weights != "fp32"));
}

TEST_CASE("a student has the heads that its recipe aims at, and is left out where it is not smaller", "[plan][fast]") {
  const Planned planned(asking("depth: 1, width: 32", "depth: 2, width: 32"));
  for (const RunSpec& run : planned.runs) {
    if (run.tokens != 128000 || run.numbers.weights != "fp32") continue;
    const auto variants = variants_of(*planned.compression, run);
    REQUIRE(variants.size() == (run.shape.width == 48 ? 3 : 2));  // of width 32 it is the model itself
    if (run.shape.width == 48) CHECK(variants[2].heads == default_heads("2024-wsd", 32));
  }
}

TEST_CASE("a run lacks the variants that it has no row for, a diverged one none", "[plan][fast]") {
  const Planned planned(asking());
  const RunSpec& spec = planned.runs[2];
  const auto all = variants_missing(planned.compression, done(spec));
  REQUIRE(all.size() == 3);
  const auto rest = variants_missing(planned.compression, done(spec, {{all[2], 100, 3.0, {}}, {all[0], 100, {}, {}}}));
  REQUIRE(rest.size() == 1);
  CHECK(rest[0] == all[1]);
  StoredRun diverged = done(spec);
  diverged.record.status = "diverged";
  CHECK(variants_missing(planned.compression, diverged).empty());
  CHECK(variants_missing({}, done(spec)).empty());
}

TEST_CASE("a sound compression has no complaints", "[plan][fast]") { CHECK(complaints(asking()).empty()); }

TEST_CASE("every key of a variant is judged, with its line", "[plan][fast]") {
  const auto says = [](const std::string& from, const std::string& to, const std::string& expected) {
    CHECK_THAT(complaints(asking(from, to)), ContainsSubstring(expected));
  };
  says("unstructured", "random",
       "experiment.yaml:19: compression.variants[0].method: expected one of unstructured, "
       "structured, distilled, got 'random'");
  says("share: 0.5", "share: 1", "19: compression.variants[0].share: expected a share above 0 and below 1, got 1");
  says("share: 0.5, ", "", "19: compression.variants[0].share: expected a value, as unstructured needs one, got none");
  says("share: 0.5", "share: 0.5, depth: 1",
       "19: compression.variants[0].depth: expected none, as unstructured has no such thing, got 1");
  says("depth: 1, ", "", "21: compression.variants[2].depth: expected a value, as distilled needs one, got none");
  says("width: 32", "width: 32, share: 0.5",
       "21: compression.variants[2].share: expected none, as distilled has no such thing, got 0.5");
  says("width: 32", "width: 32, heads: 5",
       "21: compression.variants[2].heads: expected a divisor of the width 32, got 5");
  says("tokens: 2560", "tokens: 2600", "19: compression.variants[0].tokens: expected whole steps of 128 tokens");
  says("tokens: 12800", "tokens: 0", "21: compression.variants[2].tokens: expected 1 or more tokens, got 0");
  says("learning_rate: 0.001", "learning_rate: 0",
       "20: compression.variants[1].learning_rate: expected a positive number, got 0");
  says("structured, share: 0.25, tokens: 0, learning_rate: 0.001}", "unstructured, share: 0.5, tokens: 2560}",
       "compression.variants[1]: expected every variant once, got the same as compression.variants[0]");
}

TEST_CASE("a compression is judged against the runs that there are", "[plan][fast]") {
  const auto says = [](const std::string& text, const std::string& expected) {
    CHECK_THAT(complaints(text), ContainsSubstring(expected));
  };
  says(asking("compression:\n", "compression:\n  of_tokens: 3840\n"),
       "18: compression.of_tokens: expected tokens of an unrounded run: 12800, 25600, 128000, got 3840");
  says(with("    - {weights: fp32}\n", "", asking()),
       "compression: expected an unrounded run in the grid, such as {weights: fp32}, got none");
  says(
      asking("depth: 1, width: 32", "depth: 2, width: 48"),
      "21: compression.variants[2]: expected a student smaller than at least one model that is compressed, got depth 2 "
      "width 48");
  says(asking("tokens: 12800", "tokens: 1280"),
       "21: compression.variants[2].tokens: expected tokens in which the run's warm-up of 1280 ends before the "
       "cool-down, got 1280");
  says(kSmall + "compression: {variants: []}\n", "compression.variants: expected at least one variant, got none");
}
