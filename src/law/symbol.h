// The parameters of a law: their names, where they may lie, and where a search begins.
#pragma once

#include <string_view>

#include "law/point.h"

namespace vernier::law {

enum class Scale { Linear, Log };  ///< the coordinate in which a solver moves the parameter

/// Which runs a parameter acts on. One that acts on no run of a data set is left out of the fit.
enum class ActsOn { All, RoundedWeights, RoundedActivations, RoundedKv, Rounded };

struct Symbol {
  std::string_view name;
  double lowest, highest;  ///< admissible, a hard constraint
  double start_lowest, start_highest;
  Scale scale = Scale::Log;
  ActsOn acts_on = ActsOn::All;
  bool per_precision = false;  ///< one such parameter for every precision label, the baseline's being 1
};

/// True when anything of the run was rounded, also what has no Part (operands of attention, gradients).
inline bool is_rounded(const RunPoint& run) {
  return run.weights.rounded || run.activations.rounded || run.kv.rounded || run.precision != "baseline";
}

inline bool acts_on(const Symbol& symbol, const RunPoint& run) {
  switch (symbol.acts_on) {
    case ActsOn::RoundedWeights:
      return run.weights.rounded;
    case ActsOn::RoundedActivations:
      return run.activations.rounded;
    case ActsOn::RoundedKv:
      return run.kv.rounded;
    case ActsOn::Rounded:
      return is_rounded(run);
    case ActsOn::All:
      break;
  }
  return true;
}

// LAWS.md, sections 1.2 and 2.1. The coefficients of a law come from a linear problem and need no start; their start
// columns are those of the centred coefficients in nats.
inline constexpr double kNoLimit = 1e300;
inline constexpr Symbol kE{"E", 0, kNoLimit, 0, 0, Scale::Linear};
inline constexpr Symbol kA{"A", 0, kNoLimit, 0.05, 5, Scale::Linear};
inline constexpr Symbol kB{"B", 0, kNoLimit, 0.05, 5, Scale::Linear};
inline constexpr Symbol kAlpha{"alpha", 0.01, 2.5, 0.05, 1.2};
inline constexpr Symbol kBeta{"beta", 0.01, 2.5, 0.05, 1.2};

constexpr Symbol gamma_symbol(std::string_view name, ActsOn part) { return {name, 0.1, 30, 0.5, 6, Scale::Log, part}; }
constexpr Symbol offset_symbol(std::string_view name, ActsOn part) {
  return {name, -3, 5, 0, 1.5, Scale::Linear, part};
}

}  // namespace vernier::law
