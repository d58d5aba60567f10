// Every recipe against the same model written a second time from its description, in ATen's elementary operations.
//
// Axes: B sequence, T position, C channel, H head, D channel of a head.
#include "record/recipe.h"

#include <torch/torch.h>

#include <cmath>
#include <numbers>

#include "model/transformer.h"
#include "record/archive.h"
#include "record/footprint.h"

#include "catch.h"

using namespace vernier;

namespace {

constexpr ShapeSpec kShape{.depth = 2, .width = 24, .heads = 3, .context = 12, .vocab = 40};
const std::vector<std::string> kNew{"2017-vaswani", "2019-gpt2", "2020-gpt3", "2025-muon"};

/// One member and its storage, which may be differentiated.
struct Sample {
  at::Tensor storage_1P;
  model::Transformer cohort;
};

Sample sample_of(const std::string& name, const NumbersSpec& numbers = {}, const ShapeSpec& shape = kShape) {
  const Recipe& recipe = recipe_named(name);
  const model::Layout layout = model::layout_of(recipe.architecture, shape, numbers);
  const at::Tensor storage = at::zeros({1, layout.size});
  model::initialise(layout, recipe, numbers, Stream(5), storage[0]);
  return {storage,
          {shape,
           recipe.architecture,
           layout,
           model::cohort_numbers({numbers}),
           {model::rules_of(numbers, 1, false, 0)},
           model::views_of(layout, storage)}};
}

/// Away from the start, where gains are 1, biases 0 and outputs may be 0.
Sample stirred(const std::string& name) {
  Sample sample = sample_of(name);
  at::manual_seed(11);
  sample.storage_1P.add_(at::randn_like(sample.storage_1P), 0.2).requires_grad_();
  sample.cohort.parameters = model::views_of(sample.cohort.layout, sample.storage_1P);
  return sample;
}

at::Tensor some_tokens(std::int64_t length = kShape.context) {
  at::manual_seed(12);
  return at::randint(0, kShape.vocab, {4, length}, at::kLong);
}

// ---- the plain models

struct Plain {
  const model::Transformer& m;

  at::Tensor p(const std::string& name) const { return m.parameters[model::index_of(m.layout, name)][0]; }

  at::Tensor layer_norm(const at::Tensor& x, const std::string& name) const {
    const auto centred = x - x.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * p(name) + p(name + "_bias");
  }
  static at::Tensor rms(const at::Tensor& x) { return x / (x.square().mean(-1, true) + 1e-6).sqrt(); }

  static at::Tensor split(const at::Tensor& x_BTC) {
    return x_BTC.view({x_BTC.size(0), x_BTC.size(1), kShape.heads, -1}).transpose(1, 2);
  }
  /// Softmax by hand: exponentials of scores to the left, over their sum.
  static at::Tensor attend(const at::Tensor& q_BHTD, const at::Tensor& k_BHTD, const at::Tensor& v_BHTD) {
    const std::int64_t length = q_BHTD.size(2);
    const auto scores = at::matmul(q_BHTD, k_BHTD.transpose(-2, -1)) / std::sqrt(static_cast<double>(q_BHTD.size(3)));
    const auto seen = scores.exp() * at::ones({length, length}).tril();
    return at::matmul(seen / seen.sum(-1, true), v_BHTD).transpose(1, 2).flatten(2);
  }
  /// x W^T + b, the bias only where the recipe has one.
  at::Tensor product(const at::Tensor& x, const std::string& name, bool biased) const {
    const auto y = at::matmul(x, p(name).t());
    return biased ? y + p(name + "_bias") : y;
  }
};

at::Tensor vaswani(const model::Transformer& m, const at::Tensor& tokens_BT) {
  const Plain plain{m};
  const std::int64_t length = tokens_BT.size(1), width = kShape.width;
  const at::Tensor table_TC = at::zeros({length, width});
  for (std::int64_t t = 0; t < length; ++t)
    for (std::int64_t i = 0; i < width / 2; ++i) {
      const double angle =
          static_cast<double>(t) / std::pow(10000.0, 2.0 * static_cast<double>(i) / static_cast<double>(width));
      table_TC[t][2 * i] = std::sin(angle);
      table_TC[t][2 * i + 1] = std::cos(angle);
    }
  at::Tensor x = plain.p("embedding").index({tokens_BT}) * std::sqrt(static_cast<double>(width)) + table_TC;
  for (int block = 0; block < kShape.depth; ++block) {
    const std::string b = fmt::format("blocks.{}.", block);
    const auto qkv = plain.product(x, b + "attention.qkv", false).chunk(3, -1);
    const auto seen = Plain::attend(Plain::split(qkv[0]), Plain::split(qkv[1]), Plain::split(qkv[2]));
    x = plain.layer_norm(x + plain.product(seen, b + "attention.out", false), b + "attention.norm");
    const auto hidden = plain.product(x, b + "mlp.up", true).clamp_min(0);
    x = plain.layer_norm(x + plain.product(hidden, b + "mlp.down", true), b + "mlp.norm");
  }
  return at::matmul(x, plain.p("embedding").t()).flatten(0, 1);
}

at::Tensor gpt(const model::Transformer& m, const at::Tensor& tokens_BT) {
  const Plain plain{m};
  at::Tensor x = plain.p("embedding").index({tokens_BT}) + plain.p("positions").slice(0, 0, tokens_BT.size(1));
  for (int block = 0; block < kShape.depth; ++block) {
    const std::string b = fmt::format("blocks.{}.", block);
    const auto qkv = plain.product(plain.layer_norm(x, b + "attention.norm"), b + "attention.qkv", true).chunk(3, -1);
    const auto seen = Plain::attend(Plain::split(qkv[0]), Plain::split(qkv[1]), Plain::split(qkv[2]));
    x = x + plain.product(seen, b + "attention.out", true);
    const auto h = plain.product(plain.layer_norm(x, b + "mlp.norm"), b + "mlp.up", true);
    const auto gelu = 0.5 * h * (1 + (std::sqrt(2 / std::numbers::pi) * (h + 0.044715 * h.pow(3))).tanh());
    x = x + plain.product(gelu, b + "mlp.down", true);
  }
  return at::matmul(plain.layer_norm(x, "norm"), plain.p("embedding").t()).flatten(0, 1);
}

at::Tensor muon(const model::Transformer& m, const at::Tensor& tokens_BT) {
  const Plain plain{m};
  const std::int64_t length = tokens_BT.size(1), half = kShape.width / kShape.heads / 2;
  const auto angle_TD = at::arange(length, at::kDouble).unsqueeze(1) *
                        at::pow(10000.0, -at::arange(half, at::kDouble) / static_cast<double>(half));
  const auto cosine = angle_TD.cos().to(at::kFloat), sine = angle_TD.sin().to(at::kFloat);
  const auto turned = [&](const at::Tensor& z) {
    const auto x = Plain::rms(Plain::split(z));
    const auto a = x.slice(-1, 0, half), b = x.slice(-1, half);
    return at::cat({a * cosine - b * sine, b * cosine + a * sine}, -1);
  };
  at::Tensor x = plain.p("embedding").index({tokens_BT});
  for (int block = 0; block < kShape.depth; ++block) {
    const std::string b = fmt::format("blocks.{}.", block);
    const auto normed = Plain::rms(x) * plain.p(b + "attention.norm");
    const auto qkv = plain.product(normed, b + "attention.qkv", false).chunk(3, -1);
    x = x +
        plain.product(Plain::attend(turned(qkv[0]), turned(qkv[1]), Plain::split(qkv[2])), b + "attention.out", false);
    const auto h = plain.product(Plain::rms(x) * plain.p(b + "mlp.norm"), b + "mlp.up", false);
    x = x + plain.product(at::where(h > 0, h * h, at::zeros_like(h)), b + "mlp.down", false);
  }
  const auto logits = at::matmul(Plain::rms(x) * plain.p("norm"), plain.p("head").t());
  return 15 * (logits / 15).tanh().flatten(0, 1);
}

at::Tensor plain_logits(const std::string& name, const model::Transformer& m, const at::Tensor& tokens_BT) {
  return name == "2017-vaswani" ? vaswani(m, tokens_BT) : name == "2025-muon" ? muon(m, tokens_BT) : gpt(m, tokens_BT);
}

double relative(const at::Tensor& a, const at::Tensor& b) { return ((a - b).norm() / b.norm()).item<double>(); }

at::Tensor gradient_of(const at::Tensor& logits_RV, const at::Tensor& targets_R, const at::Tensor& storage) {
  const at::Tensor loss = -logits_RV.log_softmax(-1).gather(-1, targets_R.unsqueeze(-1)).mean();
  return torch::autograd::grad({loss}, {storage})[0];
}

}  // namespace

TEST_CASE("every recipe computes what its description says, and its gradient", "[model][fast]") {
  const at::Tensor tokens = some_tokens(), targets = some_tokens().flatten().roll(1);
  for (const std::string& name : kNew) {
    CAPTURE(name);
    const Sample sample = stirred(name);
    const at::Tensor ours = model::logits(sample.cohort, tokens)[0], plain = plain_logits(name, sample.cohort, tokens);
    CHECK(relative(ours, plain) < 1e-5);
    CHECK(relative(gradient_of(ours, targets, sample.storage_1P), gradient_of(plain, targets, sample.storage_1P)) <
          1e-4);
  }
}

TEST_CASE("a sequence shorter than the context is one from position 0", "[model][fast]") {
  const at::Tensor tokens = some_tokens();
  for (const Recipe& recipe : recipes()) {
    CAPTURE(recipe.name);
    const Sample sample = stirred(recipe.name);
    const auto whole = model::logits(sample.cohort, tokens)[0].view({4, kShape.context, -1});
    const auto part = model::logits(sample.cohort, tokens.narrow(1, 0, 5))[0].view({4, 5, -1});
    CHECK(relative(part, whole.narrow(1, 0, 5)) < 1e-5);
  }
}

TEST_CASE("parameters of every recipe are those that LibTorch holds", "[model][fast]") {
  for (const Recipe& recipe : recipes()) {
    const Sample sample = sample_of(recipe.name);
    CHECK(model::count(sample.cohort.layout) == parameters_of(recipe.architecture, kShape));
    CHECK(sample.storage_1P.numel() == static_cast<std::int64_t>(parameters_of(recipe.architecture, kShape).total()));
  }
}

TEST_CASE("matrices decay, and gains, biases and scales do not", "[model][fast]") {
  for (const Recipe& recipe : recipes())
    for (const model::Parameter& p :
         model::layout_of(recipe.architecture, kShape, {.weights = "int4/channel:lsq", .estimator = "lsq"})
             .parameters) {
      CAPTURE(recipe.name, p.name);
      const bool is_matrix = p.name.ends_with("qkv") || p.name.ends_with("out") || p.name.ends_with("up") ||
                             p.name.ends_with("down") || p.name == "embedding" || p.name == "positions" ||
                             p.name == "head";
      const auto layout = model::layout_of(recipe.architecture, kShape);
      CHECK(is_matrix == (p.offset < layout.decayed));
      CHECK(is_matrix == !model::is_vector(p.role));
    }
}

TEST_CASE("matrices begin with the deviations of their recipe", "[model][fast]") {
  const ShapeSpec wide{.depth = 3, .width = 128, .heads = 4, .context = 128, .vocab = 128};
  const double fan_in = 1 / std::sqrt(128.0), fan_in_of_down = 1 / std::sqrt(512.0);
  struct Expected {
    std::string recipe, parameter;
    double deviation;
  };
  for (const auto& [recipe, parameter, deviation] : std::vector<Expected>{
           {"2017-vaswani", "embedding", fan_in},
           {"2017-vaswani", "blocks.1.attention.qkv", fan_in},
           {"2017-vaswani", "blocks.1.mlp.down", fan_in_of_down},
           {"2019-gpt2", "embedding", 0.02},
           {"2019-gpt2", "positions", 0.01},
           {"2019-gpt2", "blocks.2.attention.qkv", 0.02},
           {"2019-gpt2", "blocks.2.mlp.up", 0.02},
           {"2019-gpt2", "blocks.2.attention.out", 0.02 / std::sqrt(6.0)},
           {"2020-gpt3", "blocks.2.mlp.down", 0.02 / std::sqrt(6.0)},
           {"2024-wsd", "embedding", 0.5},
           {"2024-wsd", "blocks.0.attention.out", fan_in},
           {"2025-muon", "embedding", 0.5},
           {"2025-muon", "blocks.0.mlp.up", fan_in},
           {"2025-muon", "blocks.0.attention.out", 0},
           {"2025-muon", "blocks.0.mlp.down", 0},
           {"2025-muon", "head", 0},
       }) {
    CAPTURE(recipe, parameter);
    const Sample sample = sample_of(recipe, {}, wide);
    const at::Tensor w = sample.cohort.parameters[model::index_of(sample.cohort.layout, parameter)];
    CHECK(std::abs(w.std().item<double>() - deviation) <= 0.02 * deviation);  // of 16384 draws or more
    CHECK(std::abs(w.mean().item<double>()) <= 0.03 * deviation);
  }
  for (const std::string& name : kNew) {
    const Sample sample = sample_of(name, {}, wide);
    for (std::size_t i = 0; i < sample.cohort.parameters.size(); ++i) {
      const model::Parameter& p = sample.cohort.layout.parameters[i];
      if (!model::is_vector(p.role)) continue;
      CAPTURE(p.name);
      CHECK((sample.cohort.parameters[i] == (p.name.ends_with("_bias") ? 0 : 1)).all().item<bool>());
    }
  }
}

TEST_CASE("a block whose outputs begin as zero begins as the identity", "[model][fast]") {
  const Sample sample = sample_of("2025-muon");
  const at::Tensor x = model::embed(sample.cohort, some_tokens());
  CHECK(at::equal(model::through_block(sample.cohort, x, 4, 0), x));
  CHECK(at::equal(model::through_block(sample.cohort, x, 4, 1), x));
  CHECK(model::logits(sample.cohort, some_tokens()).abs().max().item<double>() == 0);
}

TEST_CASE("no logit passes the soft cap, and small ones stay as they are", "[model][fast]") {
  const Sample sample = stirred("2025-muon");
  const at::NoGradGuard no_gradients;
  at::Tensor head = sample.cohort.parameters[model::index_of(sample.cohort.layout, "head")];
  const at::Tensor usual = model::logits(sample.cohort, some_tokens());
  head.mul_(1e-3);
  const at::Tensor small = model::logits(sample.cohort, some_tokens());
  head.mul_(1e6);
  const at::Tensor large = model::logits(sample.cohort, some_tokens());
  CHECK(large.abs().max().item<double>() <= 15);
  CHECK(large.abs().max().item<double>() > 14.9);
  CHECK(relative(small * 1e3, usual) > 1e-4);  // those of the usual size are capped already
  CHECK(small.abs().max().item<double>() < 0.1);
}

TEST_CASE("embedding and head of one matrix are rounded each by its own number", "[model][fast]") {
  const at::Tensor tokens = some_tokens();
  for (const std::string& name : {"2017-vaswani", "2019-gpt2"}) {
    const at::Tensor plain = model::embed(sample_of(name).cohort, tokens);
    const Sample head = sample_of(name, {.head = "int3/channel"}),
                 first = sample_of(name, {.embedding = "int3/channel"});
    CHECK(at::equal(model::embed(head.cohort, tokens), plain));
    CHECK_FALSE(at::equal(model::embed(first.cohort, tokens), plain));
    const at::Tensor y = model::logits(sample_of(name).cohort, tokens);
    CHECK_FALSE(at::equal(model::logits(head.cohort, tokens), y));
    CHECK_FALSE(at::equal(model::logits(first.cohort, tokens), y));
  }
}

TEST_CASE("a tied head learns a scale of its own, and a matrix of zeros one that can be learned", "[model][fast]") {
  const NumbersSpec numbers{
      .weights = "int4/channel:lsq", .embedding = "int4/channel:lsq", .head = "int6/channel:lsq", .estimator = "lsq"};
  for (const Recipe& recipe : recipes()) {
    CAPTURE(recipe.name);
    const Sample sample = sample_of(recipe.name, numbers);
    const auto& layout = sample.cohort.layout;
    const auto scale_of = [&](const char* name) { return sample.cohort.parameters[model::index_of(layout, name)]; };
    CHECK(scale_of("head.weight_scale").numel() == kShape.vocab);
    CHECK_FALSE(at::equal(scale_of("head.weight_scale"), scale_of("embedding.weight_scale")));
    for (const model::Parameter& p : layout.parameters)
      if (p.role == model::Role::Scale) CHECK(scale_of(p.name.c_str()).isfinite().all().item<bool>());
    CHECK(model::row_losses(sample.cohort, some_tokens()).isfinite().all().item<bool>());
  }
}

TEST_CASE("every part that an experiment can round changes the loss of every recipe", "[model][fast]") {
  const at::Tensor tokens = some_tokens();
  for (const Recipe& recipe : recipes()) {
    const auto loss = [&](const NumbersSpec& numbers) {
      Sample sample = sample_of(recipe.name, numbers);
      at::manual_seed(13);
      sample.storage_1P.add_(at::randn_like(sample.storage_1P), 0.1);
      return model::row_losses(sample.cohort, tokens).mean().item<double>();
    };
    const double plain = loss({});
    for (const auto part : {&NumbersSpec::weights, &NumbersSpec::activations, &NumbersSpec::kv, &NumbersSpec::attention,
                            &NumbersSpec::embedding, &NumbersSpec::head}) {
      NumbersSpec numbers;
      numbers.*part = "int3/tensor";
      CHECK(loss(numbers) != plain);
    }
  }
}

namespace {

/// Written by tests/verification/frozen/recipes.py from torch's own layers.
Json frozen() { return Json::parse(text_of_file(VERNIER_SOURCE_DIR "/tests/verification/frozen/recipes.json")); }

/// As that script draws.
float draw(std::uint32_t stream, std::uint32_t index) {
  std::uint32_t x = index * 2654435761u + stream * 2246822519u + 374761393u;
  x = (x ^ (x >> 15)) * 3266489917u;
  x ^= x >> 13;
  return static_cast<float>(x >> 16) / 65536 - 0.5f;
}

}  // namespace

TEST_CASE("recipes give the logits of torch's own transformer layers", "[model][fast]") {
  const Json all = frozen();
  const auto shape = value_from_text<ShapeSpec>(all["shape"].dump(), "recipes.json");
  const auto rows = all["tokens"].get<std::vector<std::vector<std::int64_t>>>();
  std::vector<at::Tensor> sequences;
  for (const auto& row : rows) sequences.push_back(at::tensor(row, at::kLong));
  REQUIRE(all["recipes"].size() == 3);
  for (const Json& one : all["recipes"]) {
    const auto name = one["recipe"].get<std::string>();
    CAPTURE(name);
    Sample sample = sample_of(name, {}, shape);
    const auto& parameters = sample.cohort.layout.parameters;
    REQUIRE(one["parameters"].size() == parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      REQUIRE(one["parameters"][i] == parameters[i].name);
      for (std::int64_t j = 0; j < parameters[i].size(); ++j)
        sample.storage_1P[0][parameters[i].offset + j] =
            draw(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(j));
    }
    const at::Tensor torch_says = at::tensor(one["logits"].get<std::vector<double>>(), at::kDouble);
    const at::Tensor ours = model::logits(sample.cohort, at::stack(sequences)).flatten().to(at::kDouble);
    CHECK((ours - torch_says).abs().max().item<double>() < 1e-5);
  }
}

namespace {

/// Is told of every tensor that this thread makes and frees.
struct MemoryWatch : c10::MemoryReportingInfoBase {
  std::int64_t held = 0, peak = 0;

  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t, c10::Device) override {
    held += bytes;
    peak = std::max(peak, held);
  }
  void reportOutOfMemory(std::int64_t, std::size_t, std::size_t, c10::Device) override {}
  bool memoryProfilingEnabled() const override { return true; }
};

std::int64_t peak_of_step(const std::string& recipe, const NumbersSpec& numbers, const ShapeSpec& shape,
                          std::int64_t batch) {
  Sample sample = sample_of(recipe, numbers, shape);
  sample.storage_1P.requires_grad_();
  sample.cohort.parameters = model::views_of(sample.cohort.layout, sample.storage_1P);
  for (at::Tensor& parameter : sample.cohort.parameters) {
    parameter = parameter.detach().requires_grad_();
    parameter.mutable_grad() = at::zeros_like(parameter);
  }
  const at::Tensor tokens = at::randint(0, shape.vocab, {batch, shape.context + 1}, at::kLong);
  const auto watch = std::make_shared<MemoryWatch>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, watch);
  model::row_losses(sample.cohort, tokens).mean().backward();
  return watch->peak;
}

}  // namespace

TEST_CASE("the memory that a plan states for a step of a recipe without a fused one is about what it takes",
          "[model][fast]") {
  const NumbersSpec low{.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"};
  const ShapeSpec shape{.depth = 3, .width = 64, .heads = 4, .context = 128, .vocab = 256};
  for (const std::string& name : kNew)
    for (const NumbersSpec& numbers : {NumbersSpec{}, low}) {
      const auto taken = static_cast<double>(peak_of_step(name, numbers, shape, 8));
      const auto stated = static_cast<double>(step_bytes(architecture_of(name), shape, 8, numbers, false, false));
      CAPTURE(name, numbers.weights, taken, stated);
      CHECK(stated / taken > 0.95);
      CHECK(stated / taken < 1.15);
    }
}
