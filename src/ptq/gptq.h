// GPTQ: rounds one input column after the other and spreads each column's error over those that are still to come.
#pragma once

#include "ptq/layer.h"

namespace vernier::ptq {

struct GptqOptions {
  double damping = 0.01;  ///< added to H's diagonal, a share of its mean
  bool act_order = true;  ///< columns in falling order of H's diagonal, else as they stand
};

/// With U upper triangular, U^T U = (H + damping mean(diag H) 1)^-1, and columns i in order:
///
///   q_i = round(w_i),   w_j <- w_j - (w_i - q_i) U_ij / U_ii  for all j > i
///
/// Every group's scale is the number's own for the weights as trained, and stays: w_hat lies on the same grid as
/// rounding to nearest. A row whose error that does not lower keeps its nearest values, so the layer's error is never
/// above theirs. A column that calibration never saw (H_ii = 0) is rounded to nearest. Where the factorisation fails,
/// it is tried again with ten times the damping, kMoreDampings times.
///
/// throws  Failure with the layer's name where every damping failed, or H is not finite
/// source  Frantar et al., arXiv 2210.17323, algorithm 1 (H of the mean square instead of the sum times two, which no
///         result depends on); scales fixed beforehand ("static groups") and the order by activation as in its
///         reference implementation
QuantizedLayer gptq(const Layer& layer, const Number& number, const GptqOptions& options);

inline constexpr int kMoreDampings = 3;

}  // namespace vernier::ptq
