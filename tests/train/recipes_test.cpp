// Recipes train: each with its own optimiser, schedule and initial weights.
#include <torch/torch.h>

#include "record/training.h"
#include "train/checkpoint.h"
#include "train/cohort.h"
#include "train/evaluate.h"
#include "train/schedule.h"

#include "catch.h"

using namespace vernier;

namespace {

constexpr std::int64_t kSteps = 96;

/// Rates that suit each recipe at this size.
double rate_of(const std::string& recipe) { return recipe == "2017-vaswani" ? 0.004 : 0.01; }

train::CohortSpec spec_of(const std::string& recipe, const std::vector<NumbersSpec>& numbers) {
  train::CohortSpec spec;
  spec.recipe = recipe;
  spec.shape = {.depth = 2, .width = 32, .heads = 2, .context = 32, .vocab = 32};
  spec.training = training_by(recipe_named(recipe), 8, rate_of(recipe), 16 * 8 * 32);
  spec.validation_tokens = 1024;
  for (const NumbersSpec& one : numbers) spec.members.push_back({one, rate_of(recipe), 1});
  return spec;
}

std::shared_ptr<const data::Corpus> corpus() {
  CorpusSpec spec;
  spec.oracle.vocab = 32;
  return data::open_corpus(spec);
}

const std::atomic<bool> kGoOn = false;

train::CohortState trained(const train::CohortTrainer& trainer, std::int64_t steps = kSteps) {
  train::CohortState state = trainer.initial_state();
  const train::CohortSpec& spec = trainer.spec();
  const auto rate = [&](const train::Member& member, std::int64_t step) {
    return train::rate_at(spec.training, member.learning_rate, step, spec.warmup_steps(), kSteps);
  };
  trainer.advance(state, {steps, rate, std::vector<bool>(spec.members.size(), true), true, {}}, kGoOn);
  return state;
}

double entropy_of_guessing() { return std::log(32.0); }

}  // namespace

TEST_CASE("every recipe learns, in full and in low precision", "[train][fast]") {
  const NumbersSpec low{.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"};
  for (const Recipe& recipe : recipes()) {
    const train::CohortTrainer trainer(spec_of(recipe.name, {{}, low}), corpus(), at::kCPU, 2);
    const auto state = trained(trainer);
    const auto results = trainer.evaluate(state, {true, true});
    for (std::size_t k = 0; k < 2; ++k) {
      REQUIRE(results[k]);
      const Curve& curve = state.members[k].curve;
      CAPTURE(recipe.name, k, curve.front().loss_train, results[k]->loss, *results[k]->floor);
      CHECK(results[k]->loss < curve.front().loss_train - 0.25);
      CHECK(results[k]->loss < entropy_of_guessing() - 0.25);
      CHECK(results[k]->loss > *results[k]->floor);
    }
  }
}

TEST_CASE("every recipe learns with learned scales, where its outputs begin as zero too", "[train][fast]") {
  const NumbersSpec learned{.weights = "int4/channel:lsq", .activations = "int8/tensor:lsq", .estimator = "lsq"};
  const NumbersSpec trust{
      .weights = "int4/channel:rms", .activations = "int8/token:rms", .estimator = "trust", .rotation = "hadamard16"};
  for (const Recipe& recipe : recipes()) {
    const train::CohortTrainer trainer(spec_of(recipe.name, {learned, trust}), corpus(), at::kCPU, 2);
    const auto state = trained(trainer, kSteps / 2);
    for (std::size_t k = 0; k < 2; ++k) {
      CAPTURE(recipe.name, k);
      const auto& layout = trainer.layout(k);
      const auto of = [&](const char* name) {
        return model::views_of(layout, state.members[k].weights_P.unsqueeze(0))[model::index_of(layout, name)];
      };
      CHECK(of("blocks.1.mlp.down").abs().max().item<double>() > 0);
      CHECK(of("blocks.0.attention.out").isfinite().all().item<bool>());
      CHECK(state.members[k].curve.back().loss_train < state.members[k].curve.front().loss_train - 0.1);
    }
  }
}

TEST_CASE("a member of any recipe gives the losses that it gives alone, however many threads there are",
          "[train][fast]") {
  const NumbersSpec low{.weights = "int4/channel", .activations = "int8/tensor", .kv = "int8/tensor"};
  for (const Recipe& recipe : recipes()) {
    const train::CohortTrainer both(spec_of(recipe.name, {{}, low}), corpus(), at::kCPU, 2);
    const auto together = trained(both, 8);
    for (std::size_t k = 0; k < 2; ++k)
      for (const int threads : {1, 2}) {
        CAPTURE(recipe.name, k, threads);
        const train::CohortTrainer one(spec_of(recipe.name, {k == 0 ? NumbersSpec{} : low}), corpus(), at::kCPU,
                                       threads);
        const auto alone = trained(one, 8);
        CHECK(at::equal(together.members[k].weights_P, alone.members[0].weights_P));
        CHECK(both.evaluate(together, {true, true})[k]->loss == one.evaluate(alone, {true})[0]->loss);
      }
  }
}

TEST_CASE("stacked members of any recipe train as they do one by one", "[train][fast]") {
  for (const Recipe& recipe : recipes()) {
    if (recipe.training.optimizer != "adamw") continue;  // the others are not stacked
    CAPTURE(recipe.name);
    const NumbersSpec low{.weights = "int4/channel"};
    const train::CohortTrainer trainer(spec_of(recipe.name, {{}, low}), corpus(), at::kCPU, 1);
    const auto one_by_one = trained(trainer, 6);
    auto stacked = trainer.initial_state();
    const auto rate = [&](const train::Member& member, std::int64_t step) {
      return train::rate_at(trainer.spec().training, member.learning_rate, step, trainer.spec().warmup_steps(), kSteps);
    };
    trainer.advance_stacked(stacked, {6, rate, {true, true}, true, {}}, kGoOn);
    for (std::size_t k = 0; k < 2; ++k)
      CHECK(std::abs(stacked.members[k].curve.back().loss_train - one_by_one.members[k].curve.back().loss_train) <
            1e-3);
  }
}

TEST_CASE("a checkpoint of any recipe gives back the loss of its run", "[train][fast]") {
  for (const Recipe& recipe : recipes()) {
    CAPTURE(recipe.name);
    const train::CohortTrainer trainer(spec_of(recipe.name, {{}}), corpus(), at::kCPU, 1);
    const auto state = trained(trainer, 8);
    const auto folder = std::filesystem::temp_directory_path() / ("vernier_checkpoint_" + recipe.name);
    train::write_checkpoint(folder, {recipe.name, trainer.spec().shape, {}, 1, false}, state.members[0].weights_P);
    const train::Checkpoint read = train::read_checkpoint(folder, at::kCPU);
    for (std::size_t i = 0; i < read.cohort.parameters.size(); ++i)
      CHECK(at::equal(read.cohort.parameters[i],
                      model::views_of(trainer.layout(0), state.members[0].weights_P.unsqueeze(0))[i]));
    std::vector<std::uint16_t> tokens(20);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::uint16_t>(i * 7 % 32);
    CHECK(std::isfinite(train::loss_on_tokens(read, tokens).loss));
    std::filesystem::remove_all(folder);
  }
}
