// What the tests know of each law: constants as published where there are any (LAWS.md), and which way it moves.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "law/laws.h"

namespace samples {

using namespace vernier::law;

inline Part integer(double bits) {
  Part part{true, bits, "int", true};
  part.gaussian_error = 1.3 * std::pow(4.0, -bits * 0.9);  // about that of integers; falls as bits rise
  part.group = 128;
  part.exponent_bits = part.mantissa_bits = (bits - 1) / 2;
  return part;
}
inline Part as_float(double exponent_bits, double mantissa_bits, double group = 128) {
  Part part = integer(exponent_bits + mantissa_bits + 1);
  part.exponent_bits = exponent_bits, part.mantissa_bits = mantissa_bits, part.group = group;
  return part;
}

/// A run that holds all that any law asks for.
inline RunPoint baseline(double params, double tokens) {
  RunPoint run;
  run.params = params;
  run.tokens = tokens;
  run.task_loss = 0.3 * std::log(1e9 / params) + 2;
  run.loss_before = 2.5;
  run.post = integer(4);
  return run;
}
inline RunPoint rounded(double params, double tokens, double w, double a, double kv) {
  RunPoint run = baseline(params, tokens);
  run.weights = integer(w), run.activations = integer(a), run.kv = integer(kv);
  run.precision = run.forward = run.backward = "rounded";
  return run;
}
inline RunPoint weights_only(double params, double tokens, const Part& weights) {
  RunPoint run = baseline(params, tokens);
  run.weights = weights;
  run.precision = run.forward = "rounded";
  return run;
}

/// What is true of a law beside its formula.
template <std::size_t K>
struct Facts {
  Parameters<double, K> theta;
  std::optional<Parameters<double, 5>> base;  ///< its `chinchilla` for runs that are not rounded, where it has one
  bool by_size = true;                        ///< falls with N and D; all but densing_score
  bool by_bits = false;                       ///< falls with the bits in training
  bool penalises = false;                     ///< has a penalty for rounding that grows with D
};

template <class Law>
inline const Facts<Law::symbols.size()> kFacts = {};

// clang-format off
template <> inline const Facts<4> kFacts<Kaplan>{{0.076, 0.103, 6.4e13, 1.8e13}, {}};
template <> inline const Facts<5> kFacts<Chinchilla>{{1.8172, 482.01, 2085.43, 0.3478, 0.3658}, {{1.8172, 482.01, 2085.43, 0.3478, 0.3658}}};
template <> inline const Facts<8> kFacts<ChinchillaOuter>{{1.340846, 127444.69, 465834.31, 0.578520, 0.538877, 0.276416, 0.6452, 0.8935}, {}};
template <> inline const Facts<4> kFacts<Gadre>{{1.836648, 166.211 * std::pow(6.0, 0.1364255), 366.687, 0.1364255}, {{1.836648, 166.211, 366.687 * std::pow(6.0, -0.1364255), 0.272851, 0.272851}}};
template <> inline const Facts<7> kFacts<KumarWeights>{{2.7648, 4299, 18060, 0.4965, 0.4965, 2.6745, 0.3037}, {{2.7648, 4299, 18060, 0.4965, 0.4965}}, true, true};
template <> inline const Facts<11> kFacts<KumarJoint>{{2.7648, 4299, 18060, 0.4965, 0.4965, 2.6745, 0.3037, 2.2102, 1.4072, 0.9578, 2.4185}, {{2.7648, 4299, 18060, 0.4965, 0.4965}}, true, true};
template <> inline const Facts<7> kFacts<KumarTied>{{2.7648, 4299, 18060, 0.4965, 0.4965, 1.9475, 0.2}, {{2.7648, 4299, 18060, 0.4965, 0.4965}}, true, true};
template <> inline const Facts<7> kFacts<PowerEff>{{0.3, 8.134, 86.41, 0.0627, 0.2413, 1.611, 5.3368}, {{0.3, 8.134, 86.41, 0.0627, 0.2413}}, true, true};
template <> inline const Facts<8> kFacts<Gmse>{{0.3, 8.134, 86.41, 0.0627, 0.2413, 0.4344, 3.4227, 0.98}, {{0.3, 8.134, 86.41, 0.0627, 0.2413}}, true, true};
template <> inline const Facts<6> kFacts<FreeEff>{{0.0014, 8.134, 86.41, 0.0627, 0.2413, 0.6918}, {}};
template <> inline const Facts<8> kFacts<FloatBits>{{1.9061, 69.2343, 68973.0621, 0.2368, 0.5162, 11334.5197, 3.1926, 2.9543}, {{1.9061, 69.2343, 68973.0621, 0.2368, 0.5162}}, true, true, true};
template <> inline const Facts<9> kFacts<QatGroup>{{1.9279, 237.7042, 596.2490, 0.1582, 0.3022, 0.3022, 0.2186, 0.0745, 0.7779}, {{1.9279, 237.7042, 596.2490, 0.3022, 0.3022}}, true, false, true};
template <> inline const Facts<5> kFacts<KumarPtq>{{0.0598, 0.5068, 0.3439, 0.5907, 1.1277}, {}, true, false, true};
template <> inline const Facts<14> kFacts<KumarUnified>{{0.0598, 0.5068, 0.3439, 0.5907, 1.1277, 2.6745, 0.3037, 2.2102, 1.4072, 0.9578, 2.4185, 0.5, 0.5, 0.5}, {}, true, false, true};
template <> inline const Facts<4> kFacts<Qid>{{0.017, 0.5251, 0.2261, 5.4967}, {}, true, false, true};
template <> inline const Facts<5> kFacts<DensingLoss>{{0, 8, 60, 0.08, 0.2}, {{0, 8, 60, 0.08, 0.2}}};
template <> inline const Facts<4> kFacts<DensingScore>{{0.25, 0.7, -4, 1.6}, {}, false};
// clang-format on

/// Every law is asked about all of these.
inline std::vector<RunPoint> runs() {
  return {rounded(2e8, 1e10, 5, 6, 7), rounded(1e8, 3e9, 8, 8, 8), weights_only(1e8, 2e10, as_float(4, 3)),
          baseline(2e7, 3e9)};
}

}  // namespace samples
