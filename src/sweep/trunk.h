// The trunk of a cohort on disk, so that training continues where it was however it ended.
#pragma once

#include <filesystem>
#include <optional>

#include "train/cohort.h"

namespace vernier::sweep {

/// Saves the state as `folder`/trunk.safetensors: written aside, flushed, renamed.
void save_trunk(const std::filesystem::path& folder, const train::CohortState& state);

/// The state that was saved there for a cohort of so many members; absent where there is none or it cannot be read.
std::optional<train::CohortState> load_trunk(const std::filesystem::path& folder, std::size_t members,
                                             at::Device device);

}  // namespace vernier::sweep
