// The parameters of a law: their names, their units, where they may lie, and where a search begins.
#pragma once

#include <optional>
#include <string_view>

#include "law/point.h"

namespace vernier::law {

enum class Scale { Linear, Log };  ///< the coordinate in which a solver moves the parameter

/// What a law predicts, and so which rows it is fitted to.
enum class Target {
  Loss,          ///< loss of a trained model
  PostTraining,  ///< loss of a model whose weights were quantized after training, that before being known
  TaskLoss,      ///< conditional loss of the right answers
  TaskScore,     ///< share of right answers, from the conditional loss
};

enum class Residual { Log, Difference };  ///< ln prediction - ln observation, or prediction - observation

/// Which runs a parameter acts on. One that acts on no run of a data set is left out of the fit.
enum class ActsOn { All, RoundedWeights, RoundedActivations, RoundedKv, Rounded, RoundedForward, RoundedBackward };

/// Whether all runs share the parameter, or each label has its own, the baseline's being 1.
enum class Per { All, Precision, Forward, Backward };

struct Symbol {
  std::string_view name, unit;
  double lowest, highest;              ///< admissible, a hard constraint
  double start_lowest, start_highest;  ///< for N and D divided by their geometric means
  Scale scale = Scale::Log;
  ActsOn acts_on = ActsOn::All;
  Per per = Per::All;
  std::optional<double> usual = std::nullopt;  ///< the value unless the user frees the parameter
};

/// True when anything of the run was rounded in training, also what has no Part (operands of attention, gradients).
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
    case ActsOn::RoundedForward:
      return run.forward != "baseline";
    case ActsOn::RoundedBackward:
      return run.backward != "baseline";
    case ActsOn::All:
      break;
  }
  return true;
}

/// The label by which `symbol` distinguishes runs; empty where they share it.
inline std::string label_of(const Symbol& symbol, const RunPoint& run) {
  switch (symbol.per) {
    case Per::Precision:
      return run.precision;
    case Per::Forward:
      return run.forward;
    case Per::Backward:
      return run.backward;
    case Per::All:
      break;
  }
  return "";
}

// LAWS.md, sections 1.2 and 2.1. The linear coefficients of a law come from a linear problem and need no start; their
// start columns are those of the centred coefficients in nats.
inline constexpr double kNoLimit = 1e300;
inline constexpr Symbol kE{"E", "nats per token", 0, kNoLimit, 0, 0, Scale::Linear};
inline constexpr Symbol kA{"A", "nats x parameters^alpha", 0, kNoLimit, 0.05, 5, Scale::Linear};
inline constexpr Symbol kB{"B", "nats x tokens^beta", 0, kNoLimit, 0.05, 5, Scale::Linear};
inline constexpr Symbol kAlpha{"alpha", "1", 0.01, 2.5, 0.05, 1.2};
inline constexpr Symbol kBeta{"beta", "1", 0.01, 2.5, 0.05, 1.2};

constexpr Symbol gamma_symbol(std::string_view name, ActsOn part) {
  return {name, "bits", 0.1, 30, 0.5, 6, Scale::Log, part};
}
constexpr Symbol offset_symbol(std::string_view name, ActsOn part) {
  return {name, "1", -3, 5, 0, 1.5, Scale::Linear, part};
}

}  // namespace vernier::law
