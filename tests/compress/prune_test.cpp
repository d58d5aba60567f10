#include "compress/prune.h"

#include <torch/torch.h>

#include "catch.h"
#include "compress/sample.h"

using namespace vernier;
using namespace vernier::compress;

namespace {

const ShapeSpec kShape{.depth = 2, .width = 32, .heads = 4, .context = 32, .vocab = 32};

at::Tensor some_weights(const model::Layout& layout) {
  at::manual_seed(3);
  return at::randn({layout.size});
}

at::Tensor part(const model::Layout& layout, const at::Tensor& storage_P, const std::string& name) {
  return model::views_of(layout, storage_P.unsqueeze(0))[model::index_of(layout, name)][0];
}

std::int64_t zeros_in(const at::Tensor& kept) { return (kept == 0).sum().item<std::int64_t>(); }

/// The logits of a model whose blocks have fewer heads and channels than its shape says, from ATen alone.
struct Smaller {
  std::vector<at::Tensor> qkv, out, gate_up, down;  ///< of every block
  std::int64_t heads = 0;
};

/// What a mask leaves, cut out of the matrices.
Smaller cut(const model::Layout& layout, const at::Tensor& weights_P, const at::Tensor& kept_P) {
  Smaller smaller;
  const std::int64_t width = kShape.width, head = width / kShape.heads;
  for (std::int64_t i = 0; i < kShape.depth; ++i) {
    const auto of = [&](const char* name) { return part(layout, weights_P, fmt::format("blocks.{}.{}", i, name)); };
    const auto left = [&](const char* name, std::int64_t axis) {  // rows or columns with anything in them
      return part(layout, kept_P, fmt::format("blocks.{}.{}", i, name)).sum(axis).nonzero().flatten();
    };
    smaller.qkv.push_back(of("attention.qkv").index_select(0, left("attention.qkv", 1)));
    smaller.out.push_back(of("attention.out").index_select(1, left("attention.out", 0)));
    smaller.gate_up.push_back(of("mlp.gate_up").index_select(0, left("mlp.gate_up", 1)));
    smaller.down.push_back(of("mlp.down").index_select(1, left("mlp.down", 0)));
    smaller.heads = smaller.out.back().size(1) / head;
  }
  return smaller;
}

at::Tensor logits_of(const Smaller& smaller, const model::Layout& layout, const at::Tensor& weights_P,
                     const at::Tensor& tokens_BT) {
  const auto of = [&](const std::string& name) { return part(layout, weights_P, name); };
  const auto norm = [&](const at::Tensor& x, const std::string& gain) {
    return model::composed::rms_norm(x, of(gain).unsqueeze(0));
  };
  const model::HeadShape heads{tokens_BT.size(0), tokens_BT.size(1), smaller.heads, kShape.width / kShape.heads};
  at::Tensor x = of("embedding").index_select(0, tokens_BT.flatten()).unsqueeze(0);
  for (std::size_t i = 0; i < smaller.qkv.size(); ++i) {
    const std::string block = fmt::format("blocks.{}.", i);
    const at::Tensor qkv = at::matmul(norm(x, block + "attention.norm"), smaller.qkv[i].t());
    const at::Tensor attended = model::attend(model::composed::rotated_heads(qkv, heads, true));
    x = x + at::matmul(attended, smaller.out[i].t());
    const at::Tensor gate_up = at::matmul(norm(x, block + "mlp.norm"), smaller.gate_up[i].t());
    x = x + at::matmul(model::composed::swiglu(gate_up), smaller.down[i].t());
  }
  return at::matmul(norm(x, "norm"), of("head").t());
}

}  // namespace

TEST_CASE("unstructured pruning takes exactly the share asked for, and the smallest weights", "[compress][fast]") {
  const model::Layout layout = layout_of(kShape);
  const at::Tensor weights_P = some_weights(layout);
  const double share = GENERATE(0.1, 0.5, 0.9);
  const at::Tensor kept_P = unstructured_mask(layout, weights_P, share);
  double matrices = 0, largest_gone = 0, smallest_kept = 1e9;
  for (const model::Parameter& p : layout.parameters) {
    const at::Tensor kept = kept_P.narrow(0, p.offset, p.size()), w = weights_P.narrow(0, p.offset, p.size()).abs();
    if (p.role != model::Role::Attention && p.role != model::Role::Mlp) {
      CHECK(zeros_in(kept) == 0);
      continue;
    }
    matrices += static_cast<double>(p.size());
    largest_gone = std::max(largest_gone, (w * (1 - kept)).max().item<double>());
    smallest_kept = std::min(smallest_kept, w.masked_fill(kept == 0, 1e9).min().item<double>());
  }
  CHECK(zeros_in(kept_P) == std::llround(share * matrices));
  CHECK(largest_gone <= smallest_kept);
  CHECK(params_left(layout, kept_P) == params_of(kShape) - std::round(share * matrices));
}

TEST_CASE("of equal weights the first go, so that a mask is one thing", "[compress][fast]") {
  const model::Layout layout = layout_of(kShape);
  const at::Tensor kept_P = unstructured_mask(layout, at::ones({layout.size}), 0.25);
  const at::Tensor first = part(layout, kept_P, "blocks.0.attention.qkv");
  CHECK(first.sum().item<double>() == 0);
  CHECK(part(layout, kept_P, "blocks.1.mlp.down").min().item<double>() == 1);
}

TEST_CASE("structured pruning takes the weakest heads and channels of every block whole", "[compress][fast]") {
  const model::Layout layout = layout_of(kShape);
  const at::Tensor weights_P = some_weights(layout);
  part(layout, weights_P, "blocks.0.attention.qkv").slice(0, 8, 16).mul_(0.1);   // queries of head 1
  part(layout, weights_P, "blocks.0.attention.out").slice(1, 24, 32).mul_(0.1);  // output of head 3
  part(layout, weights_P, "blocks.1.mlp.down").slice(1, 5, 25).mul_(0.01);       // channels 5 ... 24 of 96
  part(layout, weights_P, "blocks.1.mlp.gate_up").slice(0, 96 + 5, 96 + 25).mul_(0.01);
  const at::Tensor kept_P = structured_mask(layout, kShape, weights_P, 0.5);

  const at::Tensor qkv = part(layout, kept_P, "blocks.0.attention.qkv").view({3, 4, 8, 32});
  const at::Tensor out = part(layout, kept_P, "blocks.0.attention.out").view({32, 4, 8});
  for (std::int64_t head = 0; head < 4; ++head) {
    const double stays = head == 1 || head == 3 ? 0 : 1;
    CHECK((qkv.select(1, head) == stays).all().item<bool>());
    CHECK((out.select(1, head) == stays).all().item<bool>());
  }
  const at::Tensor down = part(layout, kept_P, "blocks.1.mlp.down");
  const at::Tensor gate_up = part(layout, kept_P, "blocks.1.mlp.gate_up").view({2, 96, 32});
  CHECK((down.slice(1, 5, 25) == 0).all().item<bool>());
  CHECK(zeros_in(down) == 48 * 32);
  CHECK(at::equal(gate_up[0], down.t()));
  CHECK(at::equal(gate_up[1], down.t()));
  // Two of four heads: 2 x 8 x (3 + 1) x 32; half of 96 channels: 48 x 3 x 32; two blocks.
  CHECK(params_left(layout, kept_P) == params_of(kShape) - 2 * (2048 + 4608));
}

TEST_CASE("a head and sixteen channels are always left", "[compress][fast]") {
  const model::Layout layout = layout_of(kShape);
  const at::Tensor kept_P = structured_mask(layout, kShape, some_weights(layout), 0.99);
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    CHECK(part(layout, kept_P, block + std::string("attention.out")).sum().item<double>() == 8 * 32);
    CHECK(part(layout, kept_P, block + std::string("mlp.down")).sum().item<double>() == 16 * 32);
  }
}

TEST_CASE("a model with heads and channels at zero computes what the smaller dense model computes",
          "[compress][fast]") {
  const model::Layout layout = layout_of(kShape);
  const at::Tensor weights_P = some_weights(layout) * 0.2;
  const at::Tensor kept_P = structured_mask(layout, kShape, weights_P, 0.4);
  const Smaller smaller = cut(layout, weights_P, kept_P);
  REQUIRE(smaller.heads == 2);
  REQUIRE(smaller.down[0].size(1) == 96 - 38);
  const train::Checkpoint masked = train::checkpoint_of({"2024-wsd", kShape, {}, 1}, weights_P * kept_P);
  const at::Tensor tokens_BT = at::randint(kShape.vocab, {3, 16}, at::kLong);
  const at::Tensor one = model::logits(masked.cohort, tokens_BT),
                   two = logits_of(smaller, layout, weights_P, tokens_BT);
  CHECK((one - two).abs().max().item<double>() < 1e-4 * two.abs().max().item<double>());
}

TEST_CASE("no gradient reaches heads and channels that are gone, whatever the recipe", "[compress][fast]") {
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name);
    const model::Layout layout = model::layout_of(recipe.architecture, kShape);
    const at::Tensor weights_P = some_weights(layout) * 0.2;
    const at::Tensor kept_P = structured_mask(layout, kShape, weights_P, 0.5);
    const Learner learner = learner_of({recipe.name, kShape, {}, 1}, weights_P * kept_P);
    model::row_losses(differentiable(learner), at::randint(kShape.vocab, {3, 17}, at::kLong)).mean().backward();
    const auto largest = [&](const at::Tensor& where) {
      return learner.gradient_P.masked_select(where).abs().max().item<double>();
    };
    CHECK(largest(kept_P == 0) == 0);
    CHECK(largest(kept_P == 1) > 0);
  }
}

TEST_CASE("biases go with their heads and channels, and count in N", "[compress][fast]") {
  const Architecture& architecture = architecture_of("2019-gpt2");
  const model::Layout layout = model::layout_of(architecture, kShape);
  const at::Tensor kept_P = structured_mask(layout, kShape, some_weights(layout), 0.5);
  // Of every block two of four heads with 3 x 8 rows of 32 and a bias, 8 columns of 32; half of 128 channels with a row
  // and a column of 32 and a bias.
  const double gone = 2 * (2 * (3 * 8 * 33 + 8 * 32) + 64 * (32 + 1 + 32));
  CHECK(params_left(layout, kept_P) == parameters_of(architecture, kShape).non_embedding() - gone);
}
