// What an experiment asks of its runs after training.
#pragma once

#include <vector>

#include "plan/experiment.h"
#include "record/post_training.h"
#include "record/run_record.h"

namespace vernier::plan {

/// The asked combinations that `run` has no row for, number by number; none where nothing is asked or the run diverged.
/// A number counts as the same however it is spelled.
std::vector<PtqTask> post_training_missing(const std::optional<PostTrainingAsked>& asked, const RunRecord& record,
                                           const std::vector<PostTrained>& present);

}  // namespace vernier::plan
