// What an experiment asks of its runs that are to be made smaller.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/experiment.h"
#include "record/run_record.h"

namespace vernier::plan {

/// `compression:` of an experiment, with what it leaves open found out.
struct Compression {
  std::int64_t of_tokens = 0;  ///< D of the runs that are compressed
  std::vector<CompressionTask> variants;
};

/// `runs` are all of the experiment: where of_tokens is absent it is the most that an unrounded one of them is trained
/// on, 0 where all are rounded.
std::optional<Compression> compression_of(const std::optional<CompressionAsked>& asked,
                                          const std::vector<RunSpec>& runs);

/// True where nothing of a run is rounded.
bool is_unrounded(const RunSpec& run);

/// The shape of a student of this run, with as many heads as the recipe aims at where the task names none.
ShapeSpec student_of(const RunSpec& run, const CompressionTask& task);

/// The variants of one run, heads of students filled in: none of a run that is rounded or trained on other tokens, and
/// no student that has as many parameters (outside embeddings) as the run's model or more.
std::vector<CompressionTask> variants_of(const Compression& compression, const RunSpec& run);

/// Those of them that a stored run has no row for; none of a run that diverged.
std::vector<CompressionTask> variants_missing(const std::optional<Compression>& compression, const StoredRun& run);

}  // namespace vernier::plan
