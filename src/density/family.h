// The reference family of a store: unrounded runs of one recipe, and their checkpoints.
#pragma once

#include <string>
#include <vector>

#include "fit/data.h"
#include "record/run_record.h"

namespace vernier::density {

/// One state of a reference model with what it made of the tasks.
struct Checkpoint {
  std::string name;  ///< the run's id; "<run>@<step>" before its end
  std::string run;   ///< with which it is resampled
  bool finished = false;
  double params = 0, tokens = 0;
  TaskResult cloze;
};

/// The runs that laws of the reference family are fitted to.
struct ReferenceRuns {
  std::string recipe;
  std::vector<const StoredRun*> runs;
  std::vector<law::RunPoint> points;    ///< of these runs
  std::vector<fit::Excluded> left_out;  ///< unrounded runs of the recipe that another learning rate beat
  bool has_tasks() const;               ///< any of them
};

/// Unrounded runs of `recipe`; of 2024-wsd where it is empty and has such runs, else of the recipe with most of them.
/// Of a sweep of the learning rate, the best one's. Throws Error where no run is unrounded, or none of the recipe that
/// was asked for.
ReferenceRuns reference_runs(const std::vector<StoredRun>& runs, const std::vector<law::RunPoint>& points,
                             const std::string& recipe);

/// Finished runs, and rows of their curves that were asked the tasks before a run's end. Runs of one trunk repeat its
/// rows: a row counts once, with the run of least D that passed it.
std::vector<Checkpoint> checkpoints_of(const ReferenceRuns& family);

}  // namespace vernier::density
