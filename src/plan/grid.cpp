#include "plan/grid.h"

namespace vernier::plan {

namespace {

/// What the runs of one size share.
RunSpec spec_of(const Experiment& experiment, const SizeAsked& size) {
  RunSpec spec;
  spec.corpus = experiment.corpus;
  spec.recipe = recipe_of(experiment, size);
  spec.shape = shape_of(experiment, size);
  spec.training = training_of(experiment, size);
  spec.validation_tokens = experiment.validation_tokens;
  spec.exact = experiment.exact;
  spec.cloze = experiment.cloze;
  return spec;
}

}  // namespace

RunSpec run_of(const Experiment& experiment, const RunAsked& run) {
  RunSpec spec = spec_of(experiment, run.size());
  spec.numbers = run.numbers;
  spec.seed = run.seed;
  spec.tokens = run.tokens;
  return spec;
}

std::vector<RunSpec> runs_of(const Experiment& experiment) {
  const GridAsked& grid = experiment.grid;
  std::vector<RunSpec> runs;
  for (const auto& size : grid.sizes) {
    RunSpec spec = spec_of(experiment, size);
    for (const double rate : learning_rates_of(experiment, size))
      for (const auto& numbers : grid.numbers)
        for (const std::int64_t seed : size.seeds.value_or(grid.seeds))
          for (const std::int64_t tokens : size.tokens.value_or(grid.tokens)) {
            spec.training.learning_rate = rate;
            spec.numbers = numbers;
            spec.seed = seed;
            spec.tokens = tokens;
            runs.push_back(spec);
          }
  }
  for (const auto& run : grid.runs.value_or(std::vector<RunAsked>())) runs.push_back(run_of(experiment, run));
  return runs;
}

std::vector<RunSpec> runs_of_recipe(const Experiment& experiment) {
  auto runs = runs_of(experiment);
  std::erase_if(runs, [&](const RunSpec& run) { return run.recipe != experiment.recipe; });
  return runs;
}

}  // namespace vernier::plan
