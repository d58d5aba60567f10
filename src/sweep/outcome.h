// From a trained member to the record that the store keeps.
#pragma once

#include "plan/cohorts.h"
#include "sweep/executor.h"
#include "train/cohort.h"

namespace vernier::sweep {

/// What all runs of one branch point share.
struct BranchFacts {
  const plan::Experiment& experiment;
  Machine machine;
  double seconds = 0;  ///< a run's share of the time
};

/// The run as the store holds it; diverged where the member did or its held-out loss is not finite.
StoredRun stored_run(const plan::NamedRun& run, const train::MemberState& member,
                     const std::optional<train::Evaluation>& evaluation, const BranchFacts& facts);

/// Puts what a checkpoint was found to be into its row of the curve.
void note_evaluation(const train::Evaluation& evaluation, CurvePoint& point);

/// Name of the trunk that a run's branch left: the digest of its spec without the number of tokens.
std::string trunk_id(const RunSpec& spec, const std::string& corpus_digest);

}  // namespace vernier::sweep
