// What `run` ends with and `report` does alone.
#pragma once

#include <filesystem>

#include "plan/experiment.h"

namespace vernier::app {

/// Fits what the experiment asks to the runs of its store, writes the report beside it and prints the summary.
void report_on(const plan::Experiment& experiment, const std::filesystem::path& store);

}  // namespace vernier::app
