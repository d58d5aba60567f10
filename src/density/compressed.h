// Whether a model that was pruned or distilled from another is denser than it: the paper finds most of them less dense
// (Xiao et al., arXiv 2412.04315, section 4).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "density/density.h"

namespace vernier::density {

/// One compressed model beside the one it was made of.
struct CompressedDensity {
  std::string run, parent, method;
  std::optional<double> ratio;   ///< rho over that of the parent
  std::optional<double> lo, hi;  ///< 90 % interval; both densities are of the same replicate
  std::string verdict;           ///< less dense | denser | no difference, by the interval; unknown without one
  std::string why_absent;        ///< why there is no ratio
};

struct CompressionSummary {
  std::vector<CompressedDensity> rows;
  std::size_t compared = 0;    ///< rows with a ratio
  std::size_t below = 0;       ///< of these, with a ratio below one
  std::size_t less_dense = 0;  ///< rows whose interval lies wholly below one
  std::size_t denser = 0;      ///< wholly above
  std::string sentence;        ///< empty without rows
};

/// `log_rho` is of `models`, in their order.
CompressionSummary compression_of(const std::vector<ModelDensity>& models, const std::vector<LogDensities>& log_rho);

}  // namespace vernier::density
