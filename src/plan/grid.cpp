#include "plan/grid.h"

namespace vernier::plan {

std::vector<RunSpec> runs_of(const Experiment& experiment) {
  const GridAsked& grid = experiment.grid;
  std::vector<RunSpec> runs;
  for (const auto& size : grid.sizes) {
    RunSpec spec;
    spec.corpus = experiment.corpus;
    spec.recipe = experiment.recipe;
    spec.shape = shape_of(experiment, size);
    spec.training = training_of(experiment, size);
    spec.validation_tokens = experiment.validation_tokens;
    spec.exact = experiment.exact;
    for (const auto& numbers : grid.numbers)
      for (const std::int64_t seed : size.seeds.value_or(grid.seeds))
        for (const std::int64_t tokens : size.tokens.value_or(grid.tokens)) {
          spec.numbers = numbers;
          spec.seed = seed;
          spec.tokens = tokens;
          runs.push_back(spec);
        }
  }
  return runs;
}

}  // namespace vernier::plan
