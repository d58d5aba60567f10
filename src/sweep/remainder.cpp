#include "sweep/remainder.h"

#include <algorithm>

#include "record/recipe.h"
#include "sweep/outcome.h"

namespace vernier::sweep {

namespace {

void add_member(Remainder& rest, const Remainder& from, std::size_t m) {
  rest.cohort.members.push_back(from.cohort.members[m]);
  rest.cohort.runs.push_back(from.cohort.runs[m]);
  rest.wanted.push_back(from.wanted[m]);
}

Remainder without_members(const plan::Cohort& cohort) {
  Remainder rest{cohort, {}};
  rest.cohort.members.clear();
  rest.cohort.runs.clear();
  return rest;
}

/// Cuts members into as few waves as their size allows, all about equally large.
void cut(const Remainder& rest, const std::vector<std::size_t>& members, std::int64_t size,
         std::vector<Remainder>& waves) {
  const std::size_t count = (members.size() + static_cast<std::size_t>(size) - 1) / static_cast<std::size_t>(size);
  for (std::size_t wave = 0; wave < count; ++wave) {
    waves.push_back(without_members(rest.cohort));
    for (std::size_t i = wave * members.size() / count; i < (wave + 1) * members.size() / count; ++i)
      add_member(waves.back(), rest, members[i]);
  }
}

}  // namespace

std::vector<bool> Remainder::at(std::size_t horizon) const {
  std::vector<bool> active;
  for (const auto& row : wanted) active.push_back(row[horizon]);
  return active;
}

std::vector<bool> Remainder::from(std::size_t horizon) const {
  std::vector<bool> active;
  for (const auto& row : wanted)
    active.push_back(
        std::any_of(row.begin() + static_cast<std::ptrdiff_t>(horizon), row.end(), [](bool b) { return b; }));
  return active;
}

Remainder remainder_of(const plan::Cohort& cohort, const store::Store& store) {
  Remainder all{cohort, {}}, rest = without_members(cohort);
  for (std::size_t m = 0; m < cohort.members.size(); ++m) {
    all.wanted.emplace_back();
    for (const auto& run : cohort.runs[m]) all.wanted[m].push_back(run && !store.has(run->id));
    if (count(all.wanted[m]) > 0) add_member(rest, all, m);
  }
  return rest;
}

std::vector<Remainder> waves_of(const Remainder& rest, std::int64_t size, const std::set<std::string>& trunks) {
  const auto names = trunk_names(rest.cohort);
  std::vector<std::size_t> begun, others;
  for (std::size_t m = 0; m < names.size(); ++m) (trunks.contains(names[m]) ? begun : others).push_back(m);
  std::vector<Remainder> waves;
  cut(rest, begun, size, waves);
  cut(rest, others, size, waves);
  return waves;
}

std::vector<std::string> trunk_names(const plan::Cohort& cohort) {
  std::vector<std::string> names;
  for (const auto& runs : cohort.runs) {
    const auto some = std::find_if(runs.begin(), runs.end(), [](const auto& run) { return run.has_value(); });
    names.push_back(trunk_id((*some)->spec, cohort.corpus_digest));
  }
  return names;
}

std::int64_t count(const std::vector<bool>& active) { return std::count(active.begin(), active.end(), true); }

double member_steps(const Remainder& rest) {
  double steps = 0;
  std::int64_t reached = 0;
  for (std::size_t h = 0; h < rest.cohort.horizons.size(); ++h) {
    if (count(rest.at(h)) == 0) continue;
    const plan::Steps s = rest.cohort.steps(h);
    steps += static_cast<double>((s.leave - reached) * count(rest.from(h)) + s.cooldown * count(rest.at(h)));
    reached = s.leave;
  }
  return steps;
}

double work_of_step(const plan::Cohort& cohort) {
  constexpr double kBetweenProducts = 2e5;  // [FLOPs per token], measured on two cores, widths 8 to 48
  return (training_flops_per_token(architecture_of(cohort.recipe), cohort.shape).total() + kBetweenProducts) *
         static_cast<double>(cohort.step_tokens());
}

train::CohortSpec spec_of(const plan::Cohort& cohort, bool recompute) {
  train::CohortSpec spec;
  spec.shape = cohort.shape;
  spec.recipe = cohort.recipe;
  spec.training = cohort.training;
  spec.validation_tokens = cohort.validation_tokens;
  spec.exact = cohort.exact;
  spec.recompute = recompute;
  spec.cloze = cohort.cloze;
  for (const plan::Member& member : cohort.members)
    spec.members.push_back({member.numbers, member.learning_rate, member.seed});
  return spec;
}

}  // namespace vernier::sweep
