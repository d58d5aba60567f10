// Runs that read the same batches are trained together: one shape, one corpus, one recipe and one schedule; what
// differs is precision, learning rate or seed. Every member trains one trunk at constant rate, and a branch for each
// number of tokens cools down from it (warmup-stable-decay: Hu et al., arXiv 2404.06395; Haegele et al., arXiv
// 2405.18392). Under a schedule that depends on the number of tokens all of a run is its branch; under one that goes on
// for ever nothing is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/experiment.h"
#include "record/run_spec.h"

namespace vernier::plan {

struct Member {
  NumbersSpec numbers;
  double learning_rate = 0;
  std::int64_t seed = 0;
  bool operator==(const Member&) const = default;
};

struct NamedRun {
  std::string id;
  RunSpec spec;
};

struct Cohort {
  std::string name;  ///< digest of all that its members share; what a process claims, so that no run is made twice
  CorpusSpec corpus;
  std::string corpus_digest;
  std::string recipe;
  ShapeSpec shape;
  TrainingSpec training;  ///< the learning rate is the first member's; each member has its own
  std::int64_t validation_tokens = 0;
  bool exact = false;
  std::optional<ClozeSpec> cloze;
  std::vector<Member> members;
  std::vector<std::int64_t> horizons;  ///< token counts, ascending
  /// runs[member][horizon]; absent where the grid does not ask for that member at that horizon.
  std::vector<std::vector<std::optional<NamedRun>>> runs;

  std::int64_t step_tokens() const { return training.batch * shape.context; }
  Steps steps(std::size_t horizon) const { return steps_of(training, shape.context, horizons[horizon]); }
};

/// The runs grouped, cohorts in order of first appearance, members too; horizons ascending. A run given twice counts
/// once.
std::vector<Cohort> cohorts_of(const std::vector<RunSpec>& runs, const std::string& corpus_digest);

/// Steps of the trunk of one member: up to where the branch of its largest horizon leaves.
std::int64_t trunk_steps(const Cohort& cohort, std::size_t member);

/// Tokens trained on, summed over members (each of which computes its own).
struct Tokens {
  std::int64_t trunk = 0;     ///< of all trunks
  std::int64_t branches = 0;  ///< of all cool-downs
  std::int64_t separate = 0;  ///< if every run were trained from its start
};
Tokens tokens_of(const Cohort& cohort);
Tokens tokens_of(const std::vector<Cohort>& cohorts);

}  // namespace vernier::plan
