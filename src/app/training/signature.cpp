#include <fmt/format.h>
#include <torch/torch.h>

#include <bit>
#include <iostream>

#include "app/verbs.h"
#include "base/digest.h"
#include "record/training.h"
#include "train/cohort.h"
#include "train/schedule.h"

namespace vernier::app {

namespace {

/// Short runs in several formats: whatever changes a bit of a loss changes the digest.
train::CohortSpec signature_cohort(std::string_view recipe) {
  train::CohortSpec spec;
  spec.recipe = recipe;
  spec.shape = {.depth = 2, .width = 32, .heads = 2, .context = 64, .vocab = 64};
  spec.training = training_by(recipe_named(recipe), 4, 0.004, 1024);
  spec.validation_tokens = 1024;
  for (const char* number :
       {"fp32", "bf16", "int8/channel", "int4/channel", "e4m3/tensor", "e2m1/block32:e8m0", "ternary"}) {
    NumbersSpec numbers;
    numbers.weights = number;
    if (numbers.weights != "fp32") numbers.activations = numbers.kv = "int8/tensor";
    spec.members.push_back({numbers, spec.training.learning_rate, 1});
  }
  spec.members.back().numbers.attention = "e4m3/tensor";
  for (const NumbersSpec& numbers :
       {NumbersSpec{.weights = "int4/channel:mse", .gradients = "e4m3/token", .rounding = "stochastic"},
        NumbersSpec{.weights = "int3/channel:rms",
        .activations = "int4/token:rms",
        .weight_gradients = "int8/block16",
        .estimator = "trust",
        .rotation = "hadamard16"},
        NumbersSpec{.weights = "int3/channel:lsq", .activations = "int8/tensor:lsq", .estimator = "lsq"}})
    spec.members.push_back({numbers, spec.training.learning_rate, 1});
  return spec;
}

void add_losses(const train::CohortSpec& spec, Digest& digest) {
  CorpusSpec corpus;
  corpus.oracle.vocab = spec.shape.vocab;
  const std::atomic<bool> stop = false;
  const train::CohortTrainer trainer(spec, data::open_corpus(corpus), at::kCPU, 1);
  train::CohortState state = trainer.initial_state();
  const std::vector<bool> all(spec.members.size(), true);
  const auto rate = [&](const train::Member& member, std::int64_t step) {
    return train::trunk_rate(member.learning_rate, step, spec.warmup_steps());
  };
  trainer.advance(state, {12, rate, all, true, {}}, stop);
  const auto evaluations = trainer.evaluate(state, all);
  for (std::size_t k = 0; k < spec.members.size(); ++k) {
    for (const CurvePoint& point : state.members[k].curve)
      digest.add(fmt::format("{:x} ", std::bit_cast<std::uint64_t>(point.loss_train)));
    if (evaluations[k]) digest.add(fmt::format("{:x}\n", std::bit_cast<std::uint64_t>(evaluations[k]->loss)));
  }
}

}  // namespace

void add_signature(CLI::App& program) {
  CLI::App* verb =
      program.add_subcommand("signature", "one digest of behaviour: short runs, several formats, fixed seeds");
  const auto asked = std::make_shared<std::vector<std::string>>(std::vector<std::string>{"2023-llama", "2024-wsd"});
  verb->add_option("--recipe", *asked, "of these recipes instead of the ones whose digest commits state");
  verb->callback([asked] {
    Digest digest;
    for (const std::string& recipe : *asked) add_losses(signature_cohort(recipe), digest);
    fmt::print("{}\n", digest.hex().substr(0, 8));
  });
}

}  // namespace vernier::app
