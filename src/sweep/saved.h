// States of a cohort on disk, so that training continues where it was however it ended: of its trunk, and of a branch
// on its way.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "train/cohort.h"

namespace vernier::sweep {

struct Saved {
  train::CohortState state;
  std::vector<double> seconds;  ///< spent on each member so far and in no record yet
};

/// The files of one state in a cohort's folder: "trunk", or "branch-5120" for the branch of that many tokens.
struct SavedPlace {
  std::filesystem::path folder;
  std::string what;
};

/// Saves the state with a digest of all of it: written aside, flushed, renamed, the folder flushed. `names` are those
/// of the members. The file that it had before stays as the one to fall back to. Throws Failure where it cannot.
void save(const SavedPlace& place, const std::vector<std::string>& names, const Saved& saved);

/// The saved state, of `until` steps at most, of the members of these names, in their order: of the files that hold
/// them all the one with the most steps. A member does not depend on its cohort, so some of one may go on alone.
/// A file that is cut short or differs from its digest is named in a warning and renamed to *.damaged.
std::optional<Saved> load(const SavedPlace& place, const std::vector<std::string>& names, std::int64_t until,
                          at::Device device);

/// Names of the members whose states are there.
std::set<std::string> saved_names(const SavedPlace& place);

/// Removes the state's files.
void forget(const SavedPlace& place);

}  // namespace vernier::sweep
