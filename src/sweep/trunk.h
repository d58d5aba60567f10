// The trunk of a cohort on disk, so that training continues where it was however it ended.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/cohort.h"

namespace vernier::sweep {

/// Saves the state as `folder`/trunk.safetensors: written aside, flushed, renamed. `names` are those of the members.
void save_trunk(const std::filesystem::path& folder, const std::vector<std::string>& names,
                const train::CohortState& state);

/// The saved state of the members of these names, in their order; absent where one of them was not saved, or where the
/// file is absent or cannot be read. A member does not depend on its cohort, so some of one may go on alone.
std::optional<train::CohortState> load_trunk(const std::filesystem::path& folder, const std::vector<std::string>& names,
                                             at::Device device);

}  // namespace vernier::sweep
