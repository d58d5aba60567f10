#include "plan/choices.h"

#include <algorithm>
#include <set>

#include "record/recipe.h"
#include "record/training_choices.h"

namespace vernier::plan {

namespace {

template <class Table>
void check_name(const std::string& key, const Table& table, const std::optional<std::string>& name,
                Findings& findings) {
  const auto names = names_of(table);
  if (name)
    findings.expect(key, std::find(names.begin(), names.end(), *name) != names.end(),
                    fmt::format("one of {}", fmt::join(names, ", ")), "'" + *name + "'");
}

/// A key that would be read by nobody is a mistake of the user's.
template <class T>
void check_belongs(const std::string& key, const std::optional<T>& value, bool belongs, std::string_view whose,
                   Findings& findings) {
  if (value) findings.expect(key, belongs, fmt::format("this key only with {}", whose), *value);
}

void check_optimizer(const TrainingAsked& training, const std::set<std::string>& used, Findings& findings) {
  check_name("training.optimizer", kOptimizers, training.optimizer, findings);
  check_name("training.adjust_lr", kAdjustLrRules, training.adjust_lr, findings);
  if (const auto& momentum = training.momentum)
    findings.expect("training.momentum", *momentum >= 0 && *momentum < 1, "a share from 0 to below 1", *momentum);
  const bool muon = used.contains("muon");
  check_belongs("training.momentum", training.momentum, muon, "optimizer: muon", findings);
  check_belongs("training.adjust_lr", training.adjust_lr, muon, "optimizer: muon", findings);
}

void check_schedule_keys(const TrainingAsked& training, const std::set<std::string>& used, Findings& findings) {
  check_name("training.schedule", kSchedules, training.schedule, findings);
  if (const auto& rate = training.final_rate)
    findings.expect("training.final_rate", *rate >= 0 && *rate <= 1, "a share of the top rate from 0 to 1", *rate);
  if (!findings.sound("training.schedule")) return;
  const auto any = [&](const auto& holds) {
    return std::any_of(used.begin(), used.end(),
                       [&](const auto& name) { return holds(row_named("schedule", kSchedules, name)); });
  };
  const auto whose = [&](const char* names) {
    return fmt::format("{}, not with schedule: {}", names, fmt::join(used, ", "));
  };
  check_belongs("training.cooldown", training.cooldown, any([](const ScheduleRow& row) { return row.cools_down; }),
                whose("schedule: wsd"), findings);
  check_belongs("training.final_rate", training.final_rate,
                any([](const ScheduleRow& row) { return row.needs_horizon; }), whose("schedule: cosine or linear"),
                findings);
  if (used.contains("inverse-sqrt") && findings.sound("training.warmup_tokens"))
    findings.expect("training.warmup_tokens", training.warmup_tokens > 0,
                    "a warm-up of at least one step, from whose length schedule: inverse-sqrt follows",
                    training.warmup_tokens);
}

/// What is asked for, or what the recipes have; the default where none of them is known.
std::set<std::string> names_used(const std::optional<std::string>& asked, const std::vector<RecipeTraining>& usual,
                                 std::string RecipeTraining::*which, std::string_view otherwise) {
  if (asked) return {*asked};
  std::set<std::string> names;
  for (const RecipeTraining& recipe : usual) names.insert(recipe.*which);
  return names.empty() ? std::set{std::string(otherwise)} : names;
}

}  // namespace

void check_choices(const TrainingAsked& training, const std::vector<RecipeTraining>& usual, Findings& findings) {
  check_optimizer(training, names_used(training.optimizer, usual, &RecipeTraining::optimizer, kDefaultOptimizer),
                  findings);
  check_schedule_keys(training, names_used(training.schedule, usual, &RecipeTraining::schedule, kDefaultSchedule),
                      findings);
}

}  // namespace vernier::plan
