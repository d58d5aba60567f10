#include "train/cohort.h"

#include <torch/torch.h>

#include <cmath>

#include "catch.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/schedule.h"

using namespace vernier;

namespace {

train::CohortSpec spec_with(const std::vector<train::Member>& members) {
  train::CohortSpec spec;
  spec.recipe = "2024-wsd";
  spec.shape = {.depth = 1, .width = 16, .heads = 2, .context = 32, .vocab = 32};
  spec.training = {.batch = 4,
                   .learning_rate = 0.01,
                   .warmup_tokens = 0,
                   .cooldown = 0.2,
                   .beta1 = 0.9,
                   .beta2 = 0.95,
                   .epsilon = 1e-8,
                   .weight_decay = 0.1,
                   .clip = 1};
  spec.validation_tokens = 512;
  spec.members = members;
  return spec;
}

train::Member member(const std::string& weights, double rate = 0.01, std::int64_t seed = 1) {
  NumbersSpec numbers;
  numbers.weights = weights;
  if (weights != "fp32") numbers.activations = numbers.kv = "int8/tensor";
  return {numbers, rate, seed};
}

std::shared_ptr<const data::Corpus> corpus() {
  CorpusSpec spec;
  spec.oracle.vocab = 32;
  return data::open_corpus(spec);
}

const std::atomic<bool> kGoOn = false;

train::CohortTrainer::Order until(std::int64_t step, std::size_t members) {
  return {step,
          [](const train::Member& m, std::int64_t) { return m.learning_rate; },
          std::vector<bool>(members, true),
          false,
          {}};
}

train::CohortState trained(const train::CohortTrainer& trainer, std::int64_t steps) {
  auto state = trainer.initial_state();
  trainer.advance(state, until(steps, trainer.spec().members.size()), kGoOn);
  return state;
}

}  // namespace

TEST_CASE("a member gives the losses and weights that it gives alone, bit for bit, whatever its cohort",
          "[train][fast]") {
  const std::vector<train::Member> all{member("fp32"), member("int4/channel"), member("fp32", 0.003),
                                       member("e4m3/tensor", 0.01, 2), member("int3/channel")};
  const train::CohortTrainer cohort(spec_with(all), corpus(), at::kCPU, 2);
  const auto together = trained(cohort, 10);
  for (std::size_t k = 0; k < all.size(); ++k) {
    const train::CohortTrainer one(spec_with({all[k]}), corpus(), at::kCPU, 1);
    const auto alone = trained(one, 10);
    CHECK(at::equal(together.members[k].weights_P, alone.members[0].weights_P));
    REQUIRE(together.members[k].curve.size() == alone.members[0].curve.size());
    CHECK(together.members[k].curve.back().loss_train == alone.members[0].curve.back().loss_train);
    CHECK(cohort.evaluate(together, std::vector<bool>(all.size(), true))[k]->loss ==
          one.evaluate(alone, {true})[0]->loss);
  }
}

TEST_CASE("a member gives what it gives alone under every optimiser, and learns", "[train][fast]") {
  const auto optimizer = GENERATE(as<std::string>{}, "adam", "muon");
  auto spec = spec_with({member("fp32"), member("int4/channel", 0.005, 2), member("fp32", 0.003)});
  spec.training.optimizer = optimizer;
  const train::CohortTrainer cohort(spec, corpus(), at::kCPU, 2);
  const auto together = trained(cohort, 20);
  for (std::size_t k = 0; k < spec.members.size(); ++k) {
    auto its = spec;
    its.members = {spec.members[k]};
    CHECK(at::equal(together.members[k].weights_P,
                    trained(train::CohortTrainer(its, corpus(), at::kCPU, 1), 20).members[0].weights_P));
    CHECK(together.members[k].curve.back().loss_train < together.members[k].curve.front().loss_train);
  }
}

TEST_CASE("the spare threads of a member that is alone change no bit of it", "[train][fast]") {
  auto spec = spec_with({member("fp32")});
  spec.training.optimizer = "muon";
  const auto one = trained(train::CohortTrainer(spec, corpus(), at::kCPU, 1), 20);
  const auto two = trained(train::CohortTrainer(spec, corpus(), at::kCPU, 2), 20);
  CHECK(at::equal(one.members[0].weights_P, two.members[0].weights_P));
}

TEST_CASE("a curve that is closed twice has one row more", "[train][fast]") {
  const train::CohortTrainer trainer(spec_with({member("fp32")}), corpus(), at::kCPU, 1);
  auto state = trained(trainer, 33);  // the rows are those of 32 and 34
  train::MemberState& m = state.members[0];
  REQUIRE(m.curve.back().step == 32);
  for (int time = 0; time < 2; ++time) train::close_curve(m, 33, trainer.spec().step_tokens());
  CHECK(m.curve.back().step == 33);
  CHECK(m.curve[m.curve.size() - 2].step == 32);
  auto order = until(33, 1);
  order.close_curve = true;
  auto closed = trainer.initial_state();
  trainer.advance(closed, order, kGoOn);
  const CurvePoint &here = m.curve.back(), &there = closed.members[0].curve.back();
  CHECK(here.loss_train == there.loss_train);
  CHECK(here.gradient_norm == there.gradient_norm);
  CHECK(here.learning_rate == there.learning_rate);
}

TEST_CASE("members of every rounding, estimator and rotation give what they give alone, and learn", "[train][fast]") {
  const auto with = [](auto change) {
    train::Member m = member("int4/channel");
    change(m.numbers);
    return m;
  };
  const std::vector<train::Member> all{with([](NumbersSpec& n) { n.rounding = "stochastic"; }),
                                       with([](NumbersSpec& n) {
                                         n.gradients = "e4m3/token";
                                         n.weight_gradients = "e5m2/block32:e8m0";
                                         n.backward_rounding = "stochastic";
                                       }),
                                       with([](NumbersSpec& n) {
                                         n.weights = "int4/channel:rms";
                                         n.activations = "int4/token:rms";
                                         n.estimator = "trust";
                                         n.rotation = "hadamard16";
                                         n.gradients = "e4m3/token";
                                       }),
                                       with([](NumbersSpec& n) {
                                         n.weights = "int3/channel:lsq";
                                         n.activations = n.kv = n.attention = "int8/tensor:lsq";
                                         n.estimator = "lsq";
                                       }),
                                       with([](NumbersSpec& n) {
                                         n.weights = "int3/block16:mse";
                                         n.estimator = "clipped";
                                       }),
                                       member("fp32")};
  auto spec = spec_with(all);
  const train::CohortTrainer cohort(spec, corpus(), at::kCPU, 2);
  const auto together = trained(cohort, 30);
  const auto before = cohort.evaluate(cohort.initial_state(), std::vector<bool>(all.size(), true));
  const auto after = cohort.evaluate(together, std::vector<bool>(all.size(), true));
  for (std::size_t k = 0; k < all.size(); ++k) {
    INFO(k);
    const train::CohortTrainer one(spec_with({all[k]}), corpus(), at::kCPU, 1);
    CHECK(at::equal(together.members[k].weights_P, trained(one, 30).members[0].weights_P));
    REQUIRE(after[k].has_value());
    if (k != 3) CHECK(after[k]->loss < before[k]->loss);  // scales of activations begin with the first step
    CHECK(together.members[k].curve.back().loss_train < together.members[k].curve.front().loss_train);
  }
}

TEST_CASE("learned scales begin with the data, move, and come back from a checkpoint", "[train][fast]") {
  train::Member learner = member("int3/channel:lsq");
  learner.numbers.activations = learner.numbers.kv = "int4/tensor:lsq";
  learner.numbers.estimator = "lsq";
  const train::CohortTrainer trainer(spec_with({learner}), corpus(), at::kCPU, 1);
  const auto first = trained(trainer, 1), later = trained(trainer, 20);
  const auto of = [&](const train::CohortState& state, const char* name) {
    const auto& layout = trainer.layout(0);
    return model::views_of(layout, state.members[0].weights_P.unsqueeze(0))[model::index_of(layout, name)];
  };
  for (const char* name :
       {"blocks.0.attention.qkv.weight_scale", "blocks.0.mlp.down.input_scale", "blocks.0.attention.key_scale"}) {
    INFO(name);
    CHECK(of(first, name).isfinite().all().item<bool>());
    CHECK((of(first, name) < 2).all().item<bool>());  // logarithms
    CHECK_FALSE(at::equal(of(first, name), of(later, name)));
  }
  CHECK(of(later, "blocks.0.attention.qkv.weight_scale").numel() == 48);
  CHECK(model::count(trainer.layout(0)) == parameters_of({}, trainer.spec().shape));
  const auto folder = std::filesystem::temp_directory_path() / ("vernier-lsq-" + std::to_string(::getpid()));
  train::write_checkpoint(folder, {"2024-wsd", trainer.spec().shape, learner.numbers}, later.members[0].weights_P);
  const auto read = train::read_checkpoint(folder, at::kCPU);
  CHECK(at::equal(read.cohort.parameters[model::index_of(read.cohort.layout, "blocks.0.mlp.down.input_scale")],
                  of(later, "blocks.0.mlp.down.input_scale")));
  std::filesystem::remove_all(folder);
}

TEST_CASE("training with stochastic rounding in two parts equals training in one", "[train][fast]") {
  train::Member m = member("int4/channel");
  m.numbers.rounding = "stochastic";
  m.numbers.gradients = "int8/token";
  const train::CohortTrainer trainer(spec_with({m}), corpus(), at::kCPU, 1);
  auto state = trained(trainer, 7);
  trainer.advance(state, until(20, 1), kGoOn);
  CHECK(at::equal(state.members[0].weights_P, trained(trainer, 20).members[0].weights_P));
}

TEST_CASE("an exact run and one with a narrow carrier end within the error of fp32 sums", "[train][fast]") {
  auto spec = spec_with({member("int4/channel")});
  const auto carried = trained(train::CohortTrainer(spec, corpus(), at::kCPU, 1), 10);
  spec.exact = true;
  const auto exact = trained(train::CohortTrainer(spec, corpus(), at::kCPU, 1), 10);
  CHECK(std::abs(carried.members[0].curve.back().loss_train - exact.members[0].curve.back().loss_train) < 1e-3);
}

TEST_CASE("training lowers the loss towards the entropy of the language", "[train][fast]") {
  const train::CohortTrainer trainer(spec_with({member("fp32"), member("int8/channel")}), corpus(), at::kCPU, 2);
  const auto start = trainer.evaluate(trainer.initial_state(), {true, true});
  const auto end = trainer.evaluate(trained(trainer, 150), {true, true});
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(std::abs(start[k]->loss - std::log(32.0)) < 0.6);  // logits of unit variance cost half a nat
    CHECK(end[k]->loss < start[k]->loss - 0.2);
    CHECK(end[k]->loss > *end[k]->floor);
    CHECK(end[k]->tokens == 512);
  }
}

TEST_CASE("training in two parts equals training in one", "[train][fast]") {
  const train::CohortTrainer trainer(spec_with({member("int4/channel")}), corpus(), at::kCPU, 1);
  auto state = trained(trainer, 7);
  trainer.advance(state, until(20, 1), kGoOn);
  const auto whole = trained(trainer, 20);
  CHECK(at::equal(state.members[0].weights_P, whole.members[0].weights_P));
  CHECK(state.members[0].curve.size() == whole.members[0].curve.size());
}

TEST_CASE("a diverging member is recorded with its step and touches no other", "[train][fast]") {
  const auto calm = member("fp32");
  train::Member wild = member("fp32", 1e30);
  const train::CohortTrainer both(spec_with({calm, wild}), corpus(), at::kCPU, 2);
  const auto state = trained(both, 12);
  REQUIRE(state.members[1].diverged_at.has_value());
  CHECK(*state.members[1].diverged_at >= 2);
  CHECK(!state.members[0].diverged_at);
  const auto evaluations = both.evaluate(state, {true, true});
  CHECK(evaluations[0].has_value());
  CHECK(!evaluations[1].has_value());
  const train::CohortTrainer alone(spec_with({calm}), corpus(), at::kCPU, 1);
  CHECK(at::equal(state.members[0].weights_P, trained(alone, 12).members[0].weights_P));
}

TEST_CASE("a stop between two steps leaves a state that continues", "[train][fast]") {
  const train::CohortTrainer trainer(spec_with({member("fp32")}), corpus(), at::kCPU, 1);
  std::atomic<bool> stop = false;
  auto order = until(200, 1);
  order.advanced = [&](std::int64_t) { stop = true; };
  auto state = trainer.initial_state();
  trainer.advance(state, order, stop);
  REQUIRE(state.step < 200);
  REQUIRE(state.step > 0);
  const std::int64_t reached = state.step;
  trainer.advance(state, until(reached + 5, 1), kGoOn);
  CHECK(at::equal(state.members[0].weights_P, trained(trainer, reached + 5).members[0].weights_P));
}

TEST_CASE("a curve has sixteen rows in each doubling", "[train][fast]") {
  int rows = 0;
  for (std::int64_t step = 1025; step <= 2048; ++step) rows += train::is_curve_step(step);
  CHECK(rows == 16);
  CHECK(train::is_curve_step(1));
  CHECK(!train::is_curve_step(0));
}

TEST_CASE("a checkpoint read back gives the loss that was recorded", "[train][fast]") {
  const auto spec = spec_with({member("int4/channel")});
  const train::CohortTrainer trainer(spec, corpus(), at::kCPU, 1);
  const auto state = trained(trainer, 5);
  const auto folder = std::filesystem::temp_directory_path() / ("vernier-checkpoint-" + std::to_string(::getpid()));
  train::write_checkpoint(folder / "checkpoint", {spec.recipe, spec.shape, spec.members[0].numbers},
                          state.members[0].weights_P);
  const auto checkpoint = train::read_checkpoint(folder, at::kCPU);
  std::vector<std::uint16_t> tokens(32 * 4 + 10);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::uint16_t>(i * 7 % 32);
  const auto result = train::loss_on_tokens(checkpoint, tokens);
  CHECK(result.tokens == 4 * 31 + 9);
  CHECK(std::isfinite(result.loss));
  const auto views = model::views_of(trainer.layout(0), state.members[0].weights_P.unsqueeze(0));
  for (std::size_t i = 0; i < views.size(); ++i) CHECK(at::equal(views[i], checkpoint.cohort.parameters[i]));
  std::filesystem::remove_all(folder);
}
