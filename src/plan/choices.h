// Optimiser and schedule of an experiment: that they are known, and have the keys that go with them and no others.
#pragma once

#include "plan/experiment.h"
#include "plan/findings.h"
#include "record/recipe.h"

namespace vernier::plan {

/// `usual`: what the recipes of an experiment have where nothing is asked; a key belongs where it does with one of
/// them.
void check_choices(const TrainingAsked& training, const std::vector<RecipeTraining>& usual, Findings& findings);

}  // namespace vernier::plan
