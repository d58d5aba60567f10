// From a store's runs to densities: choose the reference family, fit it, fit a precision law beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "density/density.h"
#include "record/run_record.h"
#include "store/store.h"

namespace vernier::density {

struct Request {
  std::string recipe;  ///< of the reference family; empty: 2024-wsd where it has unrounded runs, else
                       ///< the recipe with the most of them
  std::string law;     ///< of precision; empty: the best of the Kumar family, by hold-out, then AIC
  std::optional<double> reference_tokens;  ///< D0; absent: every run at its own D
  std::int64_t bootstrap = 1000;           ///< replicates of the reference fit
  std::int64_t seed = 1;
};

struct Analysis {
  std::string recipe;                            ///< of the reference family
  fit::FitSummary reference;                     ///< chinchilla, on its unrounded runs
  std::optional<fit::FitSummary> precision_law;  ///< on all its runs
  std::string why_no_precision_law;
  std::vector<ModelDensity> models;
  DensingLaw law;
};

/// Densities of all runs against the unrounded runs of one recipe. Throws Error where no run is given, the recipe has
/// no unrounded run, or it has too few for a fit; a precision law that cannot be fitted is absent with the reason.
Analysis analyse(const std::vector<StoredRun>& runs, const std::vector<store::Broken>& broken, const Request& request);

/// What `vernier density --json` prints.
Json to_json(const Analysis& analysis, const Request& request);

}  // namespace vernier::density
