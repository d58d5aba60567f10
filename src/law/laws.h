// The laws, each one formula templated on its scalar: double gives a loss, a Jet its derivatives too. N, D, L and P are
// as in law/point.h: parameters [1], training tokens [1], nats per token, bits.
//
// A law is a struct with
//   name, symbols    as in LAWS.md, with units and ranges (law/symbol.h)
//   coefficients     so many leading symbols enter linearly and are >= 0
//   loss(theta, run) the formula; NaN where the run lies outside the law, as where a factor is not above zero
//   natural(theta, n0, d0)  turns parameters fitted to N/n0 and D/d0 into those for N and D
// and where they apply
//   log_share(theta, run)   ln(N_eff/N)
//   surface(theta, run)     L as a function of N and D alone, at the run's precision (law/surface.h)
//   admit(theta)            the nearest parameters that keep what no range can say
//   target, residual        what it predicts, if that is not the loss of a trained model by its logarithm
#pragma once

#include <tuple>

#include "law/densing.h"
#include "law/efficiency.h"
#include "law/kumar.h"
#include "law/penalty.h"
#include "law/post_training.h"
#include "law/size_and_data.h"

namespace vernier::law {

/// All laws that can be fitted, in the order of `vernier fit --law all`.
using Laws = std::tuple<Kaplan, Chinchilla, ChinchillaOuter, Gadre, KumarWeights, KumarJoint, KumarTied, PowerEff, Gmse,
                        FreeEff, FloatBits, QatGroup, KumarPtq, KumarUnified, Qid, DensingLoss, DensingScore>;

template <class Law>
constexpr Target target_of() {
  if constexpr (requires { Law::target; })
    return Law::target;
  else
    return Target::Loss;
}

template <class Law>
constexpr Residual residual_of() {
  if constexpr (requires { Law::residual; })
    return Law::residual;
  else
    return Residual::Log;
}

/// True where the law says how many parameters a rounded model is worth.
template <class Law>
constexpr bool has_share = requires(const Parameters<double, Law::symbols.size()>& theta, const RunPoint& run) {
  Law::log_share(theta, run);
};

/// True where the law is a function of N and D.
template <class Law>
constexpr bool has_surface = requires(const Parameters<double, Law::symbols.size()>& theta, const RunPoint& run) {
  Law::surface(theta, run);
};

}  // namespace vernier::law
