#include "record/recipe.h"

#include <algorithm>
#include <cmath>

#include "record/archive.h"
#include "record/recipe_files.h"
#include "record/training_choices.h"

namespace vernier {

namespace {
constexpr std::string_view kFanIn = "1/sqrt(inputs)";
}

double Deviation::of(std::int64_t inputs) const { return fixed.value_or(1 / std::sqrt(static_cast<double>(inputs))); }

std::string text_of(const Deviation& deviation) {
  return deviation.fixed ? fmt::format("{}", *deviation.fixed) : std::string(kFanIn);
}

Deviation deviation_of(const std::string& text) {
  if (text == kFanIn) return {};
  std::size_t end = 0;
  double value = -1;
  try {
    value = std::stod(text, &end);
  } catch (const std::logic_error&) {
  }
  if (end == 0 || end != text.size() || !(value >= 0) || !std::isfinite(value))
    throw Error(fmt::format("deviation: expected a number of 0 or more, or {}, got '{}'", kFanIn, text));
  return {value};
}

namespace {

/// What no single field can tell.
Problems problems_of(const Recipe& recipe, const std::string& file) {
  Problems problems;
  const auto expect = [&](const char* key, bool holds, std::string_view expectation) {
    if (!holds) problems.push_back(fmt::format("{}: {}: expected {}", file, key, expectation));
  };
  const auto belongs = [&](const char* key, bool there, bool wanted, std::string_view whose) {
    expect(key, there == wanted, fmt::format("{} with {}", wanted ? "this key" : "this key only", whose));
  };
  const Architecture& a = recipe.architecture;
  const RecipeTraining& t = recipe.training;
  const Optimizer optimizer = row_named("optimizer", kOptimizers, t.optimizer).optimizer;
  const ScheduleRow& schedule = row_named("schedule", kSchedules, t.schedule);
  expect("name", recipe.name.substr(0, 4) == recipe.date.substr(0, 4), "a name that begins with the date's year");
  expect("sources", !recipe.sources.empty(), "at least one");
  expect("architecture.logit_cap", !a.logit_cap || *a.logit_cap > 0, "a positive number");
  expect("architecture.head_width", a.head_width >= 1, "1 or more channels");
  belongs("initialisation.positions", recipe.initialisation.positions.has_value(), a.positions == Positions::Learned,
          "positions: learned");
  belongs("initialisation.head", recipe.initialisation.head.has_value(), !a.tied_head, "tied_head: false");
  belongs("training.momentum", t.momentum.has_value(), optimizer == Optimizer::Muon, "optimizer: muon");
  belongs("training.adjust_lr", t.adjust_lr.has_value(), optimizer == Optimizer::Muon, "optimizer: muon");
  belongs("training.final_rate", t.final_rate.has_value(), schedule.needs_horizon, "schedule: cosine or linear");
  belongs("training.cooldown", t.cooldown.has_value(), schedule.cools_down, "schedule: wsd");
  return problems;
}

}  // namespace

Recipe recipe_from_text(const std::string& text, const std::string& file) {
  try {
    Recipe recipe = value_from_text<Recipe>(text, file);
    refuse_if(problems_of(recipe, file));
    return recipe;
  } catch (const Error& problem) {
    const std::string what = problem.what();
    throw Error(what.starts_with(file) ? what : fmt::format("{}: {}", file, what));
  }
}

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = [] {
    std::vector<Recipe> read;
    for (const auto& [file, text] : recipe_files()) read.push_back(recipe_from_text(text, file));
    std::stable_sort(read.begin(), read.end(), [](const Recipe& a, const Recipe& b) { return a.date < b.date; });
    return read;
  }();
  return all;
}

const Recipe& recipe_named(std::string_view name) { return row_named("recipe", recipes(), name); }

}  // namespace vernier
