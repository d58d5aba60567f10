#include "model/transformer.h"

#include <torch/torch.h>

#include "catch.h"

using namespace vernier;

namespace {

constexpr ShapeSpec kShape{.depth = 2, .width = 24, .heads = 3, .context = 12, .vocab = 40};

model::Transformer cohort_of(const std::vector<NumbersSpec>& numbers, at::Tensor& storage_KP, bool qk_norm = true) {
  const auto layout = model::layout_of({}, kShape, numbers[0]);
  storage_KP = at::zeros({static_cast<std::int64_t>(numbers.size()), layout.size});
  std::vector<model::Rules> rules;
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    const auto seed = static_cast<std::int64_t>(k);
    model::initialise(layout, recipe_named("2024-wsd"), numbers[k], Stream(k).child("init"), storage_KP[seed]);
    rules.push_back(model::rules_of(numbers[k], seed, false, 0));
  }
  Architecture architecture;
  architecture.qk_norm = qk_norm;
  return {kShape, architecture, layout, model::cohort_numbers(numbers), rules, model::views_of(layout, storage_KP)};
}

/// The same model written a second time, plainly, from ATen operations on one member's weights.
at::Tensor plain_logits(const model::Transformer& m, const at::Tensor& tokens_BT) {
  const auto p = [&](const std::string& name) { return m.parameters[model::index_of(m.layout, name)][0]; };
  const auto norm = [&](const at::Tensor& x, const at::Tensor& gain) {
    return x / (x.square().mean(-1, true) + 1e-6).sqrt() * gain;
  };
  const std::int64_t B = tokens_BT.size(0), T = tokens_BT.size(1), H = kShape.heads, D = kShape.width / H;
  at::Tensor x = p("embedding").index({tokens_BT});
  const auto rate = at::pow(10000.0, -at::arange(D / 2, at::kFloat) / static_cast<double>(D / 2));
  const auto angle = at::arange(T, at::kFloat).unsqueeze(1) * rate;
  const auto heads = [&](const at::Tensor& y, bool turn) {
    at::Tensor z = y.view({B, T, H, D}).transpose(1, 2);
    if (!turn) return z;
    if (m.architecture.qk_norm) z = z / (z.square().mean(-1, true) + 1e-6).sqrt();
    const auto a = z.slice(-1, 0, D / 2), b = z.slice(-1, D / 2);
    return at::cat({a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()}, -1);
  };
  for (int block = 0; block < kShape.depth; ++block) {
    const auto name = [&](const char* part) { return fmt::format("blocks.{}.{}", block, part); };
    const auto qkv = at::linear(norm(x, p(name("attention.norm"))), p(name("attention.qkv"))).chunk(3, -1);
    auto scores =
        at::matmul(heads(qkv[0], true), heads(qkv[1], true).transpose(-2, -1)) / std::sqrt(static_cast<double>(D));
    scores = scores.masked_fill(at::ones({T, T}, at::kBool).triu(1), -INFINITY).softmax(-1);
    const auto mixed = at::matmul(scores, heads(qkv[2], false)).transpose(1, 2).reshape({B, T, -1});
    x = x + at::linear(mixed, p(name("attention.out")));
    const auto gate_up = at::linear(norm(x, p(name("mlp.norm"))), p(name("mlp.gate_up"))).chunk(2, -1);
    x = x + at::linear(at::silu(gate_up[0]) * gate_up[1], p(name("mlp.down")));
  }
  return at::linear(norm(x, p("norm")), p("head")).flatten(0, 1);
}

}  // namespace

TEST_CASE("parameters counted by role are those that LibTorch holds", "[model][fast]") {
  at::Tensor storage;
  const auto cohort = cohort_of({{}}, storage);
  std::int64_t held = 0;
  for (const auto& parameter : cohort.parameters) held += parameter.numel();
  CHECK(held == static_cast<std::int64_t>(parameters_of({}, kShape).total()));
  CHECK(model::count(cohort.layout) == parameters_of({}, kShape));
  CHECK(storage.size(1) == held);
}

TEST_CASE("the cohort computes what a plain transformer computes, with and without norm of queries and keys",
          "[model][fast]") {
  for (const bool qk_norm : {true, false}) {
    at::Tensor storage;
    const auto cohort = cohort_of({{}}, storage, qk_norm);
    storage.mul_(3);  // away from the small weights of the start, where attention is nearly uniform
    const auto tokens = at::randint(0, kShape.vocab, {4, kShape.context}, at::kLong);
    const auto ours = model::logits(cohort, tokens)[0], plain = plain_logits(cohort, tokens);
    CHECK((ours - plain).abs().max().item<double>() < 1e-4 * plain.abs().max().item<double>());
  }
}

TEST_CASE("a position sees nothing of what follows it", "[model][fast]") {
  at::Tensor storage;
  NumbersSpec numbers;
  numbers.weights = "int4/channel";
  numbers.attention = "e4m3/token";
  for (const NumbersSpec& spec : {NumbersSpec{}, numbers}) {
    const auto cohort = cohort_of({spec}, storage);
    auto tokens = at::randint(0, kShape.vocab, {1, kShape.context}, at::kLong);
    const auto before = model::logits(cohort, tokens)[0].clone();
    tokens[0][kShape.context - 1] = (tokens[0][kShape.context - 1].item<std::int64_t>() + 1) % kShape.vocab;
    const auto after = model::logits(cohort, tokens)[0];
    CHECK((before - after).abs().narrow(0, 0, kShape.context - 1).max().item<double>() == 0);
    CHECK((before - after).abs()[kShape.context - 1].max().item<double>() > 0);
  }
}

TEST_CASE("a member stacked with others gives the losses that it gives alone", "[model][fast]") {
  NumbersSpec low;
  low.weights = "int4/channel";
  low.activations = low.kv = "int8/tensor";
  at::Tensor storage;
  const auto both = cohort_of({{}, low}, storage);
  const auto tokens = at::randint(0, kShape.vocab, {4, kShape.context + 1}, at::kLong);
  const auto losses = model::row_losses(both, tokens);
  for (const std::int64_t k : {0, 1}) {
    auto alone = both;
    alone.parameters = model::views_of(both.layout, storage.narrow(0, k, 1));
    alone.numbers = model::cohort_numbers({k == 0 ? NumbersSpec{} : low});
    alone.rules = {both.rules[static_cast<std::size_t>(k)]};
    CHECK((losses[k] - model::row_losses(alone, tokens)[0]).abs().max().item<double>() < 1e-5);
  }
}

TEST_CASE("every part that an experiment can round changes the loss", "[model][fast]") {
  at::Tensor storage;
  const auto tokens = at::randint(0, kShape.vocab, {4, kShape.context + 1}, at::kLong);
  const auto loss = [&](const NumbersSpec& numbers) {
    return model::row_losses(cohort_of({numbers}, storage), tokens).mean().item<double>();
  };
  const double plain = loss({});
  for (const auto part : {&NumbersSpec::weights, &NumbersSpec::activations, &NumbersSpec::kv, &NumbersSpec::attention,
                          &NumbersSpec::embedding, &NumbersSpec::head}) {
    NumbersSpec numbers;
    numbers.*part = "int3/tensor";
    CHECK(loss(numbers) != plain);
  }
}
