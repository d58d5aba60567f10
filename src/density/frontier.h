// How well models do for what they take to store.
#pragma once

#include <string>
#include <vector>

#include "density/density.h"

namespace vernier::density {

/// One model among all: its whole size and what was measured of it.
struct FrontierPoint {
  std::string run;
  Kind kind = Kind::Trained;
  std::string precision;
  double total_bits = 0;  ///< ModelDensity::total_bits
  double value = 0;       ///< score, or loss
  bool front = false;     ///< no other model is as small and better, or as good and smaller
};

/// All models with a measured value, in order of size, those of the Pareto front marked. A score is the better the
/// larger it is, losses the smaller they are.
std::vector<FrontierPoint> frontier_of(const std::vector<ModelDensity>& models, Measure measure);

}  // namespace vernier::density
