#include <cmath>

#include "density/models.h"
#include "format/number.h"
#include "format/stored_bits.h"
#include "made_up.h"

#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinRel;
using made_up::model_named;

namespace {

const made_up::Truth kExact{.noisy = false};

TaskResult worth(double params, double tokens) {
  return made_up::result_of(kExact, kExact.task_loss(params, tokens), Stream(1));
}

/// The exact family, its largest run on the most tokens quantized and compressed.
std::vector<StoredRun> store_with_made_models() {
  auto runs = made_up::family(kExact, Stream(1));
  StoredRun& parent = runs.back();
  const double n = parent.record.parameters.non_embedding(), d = double(parent.spec.tokens);
  parent.post_trained = {{"rtn", "int4/channel", 2.0, 0.1, worth(0.6 * n, d)}, {"gptq", "int8/channel", 2.0, 0.1, {}}};
  CompressionTask pruned{"unstructured", 0.5, {}, {}, {}, 0, {}};
  CompressionTask student{"distilled", {}, 3, 96, 2, 1 << 22, {}};
  parent.compressed = {{pruned, n / 2, 2.0, worth(0.8 * n / 2, d)},
                       {student, made_up::params_of(96), 2.0, worth(1.3 * made_up::params_of(96), d)}};
  return runs;
}

}  // namespace

TEST_CASE("quantized and compressed rows have densities of their own", "[density][fast]") {
  const auto runs = store_with_made_models();
  const auto analysis = density::analyse(runs, {}, made_up::request());
  const std::string parent = runs.back().id;
  const auto& quantized = model_named(analysis, parent + "/rtn/int4/channel");
  CHECK(quantized.kind == density::Kind::PostTrained);
  CHECK_THAT(quantized.density.value(), WithinRel(0.6, 1e-3));
  CHECK_THAT(quantized.density_per_bit.value(), WithinRel(0.6 * 16 / quantized.stored_bits.value(), 1e-3));
  CHECK(quantized.bits == quantized.stored_bits);
  const auto& unasked = model_named(analysis, parent + "/gptq/int8/channel");
  CHECK_FALSE(unasked.density.has_value());
  CHECK(unasked.why_absent == "its score was not measured");
  const auto& pruned = model_named(analysis, parent + "/unstructured/0.5/0");
  CHECK(pruned.kind == density::Kind::Compressed);
  CHECK_THAT(pruned.density.value(), WithinRel(0.8, 1e-3));
  CHECK(pruned.tokens == double(runs.back().spec.tokens));
  CHECK_THAT(model_named(analysis, parent + "/distilled/d3w96h2/4194304").density.value(), WithinRel(1.3, 1e-3));
}

TEST_CASE("models made of others are not listed where reference runs have no tasks", "[density][fast]") {
  auto runs = store_with_made_models();
  for (auto& run : runs) run.record.task_loss.reset(), run.record.task_accuracy.reset();
  CHECK(density::analyse(runs, {}, made_up::request()).models.size() == runs.size());
}

TEST_CASE("stored bits of a model count scales, gains of norms, and an unrounded embedding and head at 16",
          "[density][fast]") {
  const StoredRun run = made_up::family(kExact, Stream(1))[8];  // 3 layers, 64 wide
  const CountByRole& count = run.record.parameters;
  const auto unrounded = density::storage_of(run, "fp32");
  CHECK(unrounded.mean == 16);
  CHECK_THAT(unrounded.total, WithinRel(16 * count.total(), 1e-12));
  const std::int64_t hidden = mlp_width({}, run.spec.shape);
  const Number number = parse_number("int4/channel");
  const double matrices = 3 * (stored_bits(number, 192, 64) + stored_bits(number, 64, 64) +
                               stored_bits(number, 2 * hidden, 64) + stored_bits(number, 64, hidden));
  const auto rounded = density::storage_of(run, "int4/channel");
  CHECK_THAT(rounded.mean, WithinRel((matrices + 16 * count.norm) / count.non_embedding(), 1e-12));
  CHECK_THAT(rounded.total, WithinRel(matrices + 16 * (count.norm + count.embedding + count.head), 1e-12));
  const double awq = density::storage_of(run, "int4/channel", "awq").mean;
  CHECK_THAT((awq - rounded.mean) * count.non_embedding(), WithinRel(3 * 32.0 * (3 * 64 + double(hidden)), 1e-9));
}

TEST_CASE("FLOPs of the family follow its sizes and go on beyond them", "[density][fast]") {
  const auto runs = made_up::family(kExact, Stream(1));
  std::vector<const StoredRun*> family;
  for (const auto& run : runs) family.push_back(&run);
  const density::FlopsOfSize flops(family);
  for (const auto* run : family)
    CHECK_THAT(std::exp(flops.log_flops(std::log(run->record.parameters.non_embedding()))),
               WithinRel(training_flops_per_token({}, run->spec.shape).total() / 3, 1e-9));
  const double low = std::log(made_up::params_of(32)), high = std::log(made_up::params_of(256));
  CHECK(flops.log_flops(low - 1) < flops.log_flops(low));
  CHECK(flops.log_flops(high + 1) > flops.log_flops(high));
  const density::FlopsOfSize one({family[0], family[1]});
  CHECK_THAT(one.log_flops(low + 1) - one.log_flops(low), WithinRel(1.0, 1e-9));
  const auto analysis = density::analyse(store_with_made_models(), {}, made_up::request());
  for (const auto& model : analysis.models)
    if (model.fitted) CHECK_THAT(model.density_by_flops.value(), WithinRel(1.0, 2e-3));
}

TEST_CASE("the front holds what nothing smaller equals", "[density][fast]") {
  const auto analysis = density::analyse(store_with_made_models(), {}, made_up::request());
  std::size_t on_front = 0;
  for (const auto& point : analysis.frontier) {
    on_front += point.front;
    bool beaten = false;
    for (const auto& other : analysis.frontier)
      beaten = beaten || (other.total_bits <= point.total_bits && other.value >= point.value &&
                          (other.total_bits < point.total_bits || other.value > point.value));
    CHECK(point.front == !beaten);
  }
  CHECK(on_front > 1);
  density::ModelDensity a, b;
  a.run = "a", a.total_bits = 10, a.loss = 2;
  b.run = "b", b.total_bits = 20, b.loss = 3;
  const auto by_loss = density::frontier_of({a, b}, density::Measure::Loss);
  CHECK(by_loss[0].front);
  CHECK_FALSE(by_loss[1].front);  // larger and no better
}

TEST_CASE("compressed models are compared with what they were made of, replicate by replicate", "[density][fast]") {
  density::ModelDensity parent, child, other;
  parent.run = "p", parent.density = 2;
  child.run = "p/unstructured/0.5/0", child.kind = density::Kind::Compressed, child.parent = "p", child.density = 1.5;
  other = child;
  other.run = "p/distilled/d2w32/0", other.density.reset(), other.why_absent = "its score was not measured";
  std::vector<density::LogDensities> log_rho(3);
  for (int k = 0; k < 100; ++k) {
    const double moved = 0.5 * Stream(9).normals(std::uint64_t(k))[0];  // of both alike
    log_rho[0].all.push_back(std::log(2) + moved);
    log_rho[1].all.push_back(std::log(1.5) + moved + 0.01 * Stream(10).normals(std::uint64_t(k))[0]);
  }
  const auto all = density::compression_of({parent, child, other}, log_rho);
  REQUIRE(all.rows.size() == 2);
  CHECK_THAT(all.rows[0].ratio.value(), WithinRel(0.75, 1e-12));
  CHECK(all.rows[0].hi.value() < 0.78);  // what moves both is gone
  CHECK(all.rows[0].verdict == "less dense");
  CHECK(all.compared == 1);
  CHECK(all.less_dense == 1);
  CHECK_FALSE(all.rows[1].ratio.has_value());
  CHECK(all.rows[1].verdict == "unknown");
  CHECK_THAT(all.sentence, ContainsSubstring("holds here"));
}
