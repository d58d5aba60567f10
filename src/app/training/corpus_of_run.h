// The corpus that a stored run was trained on, opened again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "data/corpus.h"
#include "record/run_record.h"

namespace vernier::app {

/// The corpus of the run in `folder`. A path in its spec is seen from the experiment's folder, results/runs/<id> below
/// which the run lies; `place`, where not empty, is where the text lies now (--corpus). Throws Error where it is not
/// there, with `instead` as what to do otherwise, or holds other tokens than the run was trained on.
std::shared_ptr<const data::Corpus> corpus_of_run(const StoredRun& run, const std::filesystem::path& folder,
                                                  const std::string& place, const std::string& instead);

}  // namespace vernier::app
