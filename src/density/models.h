// Every model of a store as the analysis lists it, before anything is inverted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "density/density.h"
#include "density/storage.h"
#include "fit/data.h"
#include "record/run_record.h"

namespace vernier::density {

/// Trained models in the order of data.points, then excluded runs with their reason, then (where `with_made`) models
/// made of trained ones: rows of ptq.csv "<id>/<method>/<weights>" and of compressed.csv "<id>/<method>/...", with the
/// trained model's D. What was made of a run that is excluded is not listed.
///
/// FLOPs of a compressed model are its parent's, times those of the reference family at its N over those at its
/// parent's N.
std::vector<ModelDensity> models_of(const std::vector<StoredRun>& runs, const fit::Data& data, const FlopsOfSize& flops,
                                    bool with_made);

}  // namespace vernier::density
