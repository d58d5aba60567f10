#include "density/analysis.h"

#include <cmath>

#include "catch.h"
#include "record/recipe.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

constexpr double kGamma = 2.0;  ///< bits

/// Share of its parameters that a model keeps when its weights have so many bits.
double share(int bits) { return bits < 16 ? 1 - std::exp(-bits / kGamma) : 1; }

StoredRun run_of(std::int64_t width, std::int64_t tokens, int bits) {
  StoredRun run;
  run.spec.recipe = "2024-wsd";
  run.spec.shape = {.depth = 2, .width = width, .heads = 2, .context = 128, .vocab = 64};
  if (bits < 16) run.spec.numbers.weights = fmt::format("int{}/channel", bits);
  run.spec.tokens = tokens;
  run.record.status = "done";
  run.record.corpus_digest = "0123456789abcdef0123456789abcdef";
  run.record.recipe_date = "2024-04-09";
  run.record.parameters = parameters_of({}, run.spec.shape);
  const double n = run.record.parameters.non_embedding() * share(bits);
  run.record.loss_val = 1.5 + 30 * std::pow(n, -0.4) + 200 * std::pow(static_cast<double>(tokens), -0.45);
  run.id = run_id(run.spec, run.record.corpus_digest);
  return run;
}

std::vector<StoredRun> family() {
  std::vector<StoredRun> runs;
  for (const std::int64_t width : {32, 64, 128, 256, 512})
    for (const std::int64_t tokens : {1 << 20, 1 << 22, 1 << 24, 1 << 26})
      for (const int bits : {3, 4, 6, 8, 16}) runs.push_back(run_of(width, tokens, bits));
  return runs;
}

}  // namespace

TEST_CASE("on runs of a known law density and N_eff/N of the fitted law are the law's own shares", "[density][fast]") {
  std::vector<StoredRun> runs = family();
  StoredRun diverged = run_of(1024, 1 << 20, 3);
  diverged.record.status = "diverged";
  diverged.record.loss_val = std::nullopt;
  runs.push_back(diverged);
  const auto analysis =
      density::analyse(runs, {{"feedface", "no record"}},
                       {.recipe = "", .law = "kumar_weights", .reference_tokens = {}, .bootstrap = 0, .seed = 1});
  CHECK(analysis.recipe == "2024-wsd");
  REQUIRE(analysis.precision_law.has_value());
  REQUIRE(analysis.models.size() == runs.size() + 1);
  double worst_density = 0, worst_law = 0;
  for (std::size_t i = 0; i + 1 < runs.size(); ++i) {
    const auto& model = analysis.models[i];
    CHECK(model.run == runs[i].id);
    const double truth = share(static_cast<int>(model.bits.value()));
    worst_density = std::max(worst_density, std::abs(model.density.value() / truth - 1));
    worst_law = std::max(worst_law, std::abs(model.n_eff_precision_law.value() / truth - 1));
  }
  CHECK(worst_density < 1e-3);  // as well as the fit finds the exact law
  CHECK(worst_law < 1e-3);
  CHECK(analysis.models[runs.size() - 1].why_absent == "diverged");
  CHECK_THAT(analysis.models[runs.size()].why_absent, ContainsSubstring("broken: no record"));
  CHECK_THAT(analysis.law.why_absent, ContainsSubstring("1 recipe date(s)"));
}

TEST_CASE("without unrounded runs there is no reference", "[density][fast]") {
  CHECK_THROWS_WITH(density::analyse({run_of(64, 1 << 20, 4)}, {}, {}), ContainsSubstring("no run is unrounded"));
  CHECK_THROWS_WITH(density::analyse({}, {}, {}), ContainsSubstring("no complete run"));
  density::Request request;
  request.recipe = "2019-gpt2";
  CHECK_THROWS_WITH(density::analyse({run_of(64, 1 << 20, 16)}, {}, request),
                    ContainsSubstring("there are runs of 2024-wsd"));
}

TEST_CASE("a store without rounded runs has densities and no precision law", "[density][fast]") {
  std::vector<StoredRun> runs = family();
  std::erase_if(runs, [](const StoredRun& run) { return run.spec.numbers.weights != "fp32"; });
  density::Request request;
  request.bootstrap = 0;
  const auto analysis = density::analyse(runs, {}, request);
  CHECK_FALSE(analysis.precision_law.has_value());
  CHECK(analysis.why_no_precision_law == "no run is rounded");
  for (const auto& model : analysis.models) CHECK_THAT(model.density.value(), WithinAbs(1, 1e-3));
  const Json json = density::to_json(analysis, request);
  CHECK(json["compared_at"] == "own tokens");
  CHECK(json["models"][0]["n_eff_precision_law"].is_null());
}
