#include "plan/cohorts.h"

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "record/archive.h"

namespace vernier::plan {

namespace {

/// Two runs share a cohort exactly when this is the same: all of a run but its tokens, numbers, learning rate and seed.
std::string name_of(RunSpec run, const std::string& corpus_digest) {
  run.tokens = 0;
  run.numbers = {};
  run.training.learning_rate = 0;
  run.seed = 0;
  return run_id(run, corpus_digest);
}

Member member_of(const RunSpec& run) { return {run.numbers, run.training.learning_rate, run.seed}; }

Cohort empty_cohort(const RunSpec& run, const std::string& corpus_digest) {
  Cohort cohort;
  cohort.name = name_of(run, corpus_digest);
  cohort.corpus = run.corpus;
  cohort.corpus_digest = corpus_digest;
  cohort.recipe = run.recipe;
  cohort.shape = run.shape;
  cohort.training = run.training;
  cohort.validation_tokens = run.validation_tokens;
  cohort.exact = run.exact;
  cohort.cloze = run.cloze;
  return cohort;
}

/// Members and horizons of the runs of one cohort, and each run at its place.
void fill(Cohort& cohort, const std::vector<const RunSpec*>& runs) {
  for (const RunSpec* run : runs) {
    const Member member = member_of(*run);
    if (std::find(cohort.members.begin(), cohort.members.end(), member) == cohort.members.end())
      cohort.members.push_back(member);
    cohort.horizons.push_back(run->tokens);
  }
  std::sort(cohort.horizons.begin(), cohort.horizons.end());
  cohort.horizons.erase(std::unique(cohort.horizons.begin(), cohort.horizons.end()), cohort.horizons.end());
  cohort.runs.assign(cohort.members.size(), std::vector<std::optional<NamedRun>>(cohort.horizons.size()));
  for (const RunSpec* run : runs) {
    const auto member =
        std::find(cohort.members.begin(), cohort.members.end(), member_of(*run)) - cohort.members.begin();
    const auto horizon =
        std::lower_bound(cohort.horizons.begin(), cohort.horizons.end(), run->tokens) - cohort.horizons.begin();
    cohort.runs[static_cast<std::size_t>(member)][static_cast<std::size_t>(horizon)] =
        NamedRun{run_id(*run, cohort.corpus_digest), *run};
  }
}

}  // namespace

std::vector<Cohort> cohorts_of(const std::vector<RunSpec>& runs, const std::string& corpus_digest) {
  std::vector<Cohort> cohorts;
  std::map<std::string, std::size_t> place;
  std::vector<std::vector<const RunSpec*>> members;
  for (const auto& run : runs) {
    const auto [found, is_new] = place.try_emplace(name_of(run, corpus_digest), cohorts.size());
    if (is_new) {
      cohorts.push_back(empty_cohort(run, corpus_digest));
      members.emplace_back();
    }
    members[found->second].push_back(&run);
  }
  for (std::size_t i = 0; i < cohorts.size(); ++i) fill(cohorts[i], members[i]);
  return cohorts;
}

std::int64_t trunk_steps(const Cohort& cohort, std::size_t member) {
  std::int64_t steps = 0;
  for (std::size_t h = 0; h < cohort.horizons.size(); ++h)
    if (cohort.runs[member][h]) steps = std::max(steps, cohort.steps(h).leave);
  return steps;
}

Tokens tokens_of(const Cohort& cohort) {
  Tokens tokens;
  for (std::size_t m = 0; m < cohort.members.size(); ++m) {
    tokens.trunk += trunk_steps(cohort, m) * cohort.step_tokens();
    for (std::size_t h = 0; h < cohort.horizons.size(); ++h) {
      if (!cohort.runs[m][h]) continue;
      tokens.branches += cohort.steps(h).cooldown * cohort.step_tokens();
      tokens.separate += cohort.horizons[h];
    }
  }
  return tokens;
}

Tokens tokens_of(const std::vector<Cohort>& cohorts) {
  Tokens sum;
  for (const auto& cohort : cohorts) {
    const Tokens tokens = tokens_of(cohort);
    sum.trunk += tokens.trunk;
    sum.branches += tokens.branches;
    sum.separate += tokens.separate;
  }
  return sum;
}

}  // namespace vernier::plan
