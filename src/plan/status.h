// How far an experiment is, from its store alone.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "plan/cohorts.h"
#include "record/archive.h"

namespace vernier::plan {

enum class State {
  Done,
  Running,   ///< not there, and a living process has claimed its cohort
  Missing,   ///< not there, and nobody is at work on it
  Diverged,  ///< there: it ended without a loss
  Broken,    ///< a folder that is no complete run
};

struct StateRow {
  std::string_view name;
  State state;
};
inline constexpr std::array kStates{StateRow{"done", State::Done}, StateRow{"running", State::Running},
                                    StateRow{"missing", State::Missing}, StateRow{"diverged", State::Diverged},
                                    StateRow{"broken", State::Broken}};

struct RunState {
  std::string id;  ///< or the name of a broken folder
  State state = State::Missing;
  std::optional<RunSpec> spec;  ///< absent for a broken folder that the experiment did not ask for
  std::optional<double> loss_val;
  std::optional<std::int64_t> diverged_at;  ///< step
  std::string why;                          ///< of a broken folder
};

struct Status {
  std::vector<RunState> runs;  ///< every planned run in the grid's order, then broken folders that belong to none
  std::int64_t planned = 0, done = 0, running = 0, missing = 0, diverged = 0, broken = 0;
  std::optional<std::int64_t> post_training_missing;  ///< done runs that lack rows of ptq.csv; absent: none are asked
  std::optional<std::int64_t>
      compression_rows;  ///< of compressed.csv, of all runs but diverged ones; absent: none are asked
  std::optional<std::int64_t> compression_missing;  ///< of them, those that are not there yet
  std::int64_t compression_tokens = 0;              ///< trained on for all these rows
  std::int64_t tokens_done = 0;                     ///< D summed over done and diverged runs
  std::int64_t tokens_planned = 0;
};

/// `broken` counts every broken folder of the store, whether or not this experiment asked for it; the other states add
/// up to the planned runs together with the broken ones among them. A store that does not exist has no runs; a file is
/// an Error.
Status status_of(const std::vector<Cohort>& cohorts, const std::vector<RunSpec>& runs,
                 const std::filesystem::path& store, const std::optional<PostTrainingAsked>& post_training = {},
                 const std::optional<CompressionAsked>& compression = {});

/// CONTRACTS.md, `vernier status --json`.
Json to_json(const Status& status);

/// A few lines for a terminal; names diverged and broken runs.
std::string text_of(const Status& status);

}  // namespace vernier::plan
