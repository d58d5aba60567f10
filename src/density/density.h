// Density: how many parameters of the reference family a model is worth, per parameter that it has (LAWS.md, section 4;
// DESIGN.md, section 8).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "base/table.h"
#include "density/densing.h"
#include "density/reference.h"
#include "fit/data.h"
#include "fit/summary.h"
#include "law/point.h"

namespace vernier::density {

enum class Kind {
  Trained,
  PostTrained,  ///< a trained model after its weights were quantized
  Compressed,   ///< a smaller model made of a trained one
};

struct KindRow {
  std::string_view name;
  Kind kind;
};
inline constexpr std::array kKinds{KindRow{"trained", Kind::Trained}, KindRow{"post_trained", Kind::PostTrained},
                                   KindRow{"compressed", Kind::Compressed}};
static_assert(names_differ(kKinds));
inline const KindRow& row_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

/// What is known of one model. Absent values say why.
struct ModelDensity {
  std::string run;  ///< its id; "<id>/<method>/..." of what was made of a trained model
  Kind kind = Kind::Trained;
  std::string parent;      ///< the run that the model was made of; empty for trained ones
  std::string method;      ///< by which it was made; empty for trained ones
  std::string precision;   ///< as law::RunPoint::precision
  bool reference = false;  ///< a trained model in which nothing is rounded
  bool fitted = false;     ///< the reference law was fitted to it
  std::string beaten;      ///< by which learning rate of a sweep; empty where by none
  std::string recipe, recipe_date;
  std::optional<double> learning_rate;
  std::optional<double> params, tokens, loss;  ///< N [1], D [1], L [nats per token]; absent for excluded runs
  std::optional<double> score, score_se, task_loss, task_loss_se;
  Measure measure = Measure::Loss;        ///< what was inverted
  std::optional<double> compared_at;      ///< D at which the reference is inverted [tokens]
  std::optional<double> bits;             ///< of a stored weight, scales left out; 16 for weights that are not rounded
  std::optional<double> stored_bits;      ///< mean over the parameters that N counts, scales included
  std::optional<double> total_bits;       ///< of the whole model, embedding and head included
  std::optional<double> n_effective;      ///< N_hat [1]
  std::optional<double> density;          ///< rho = N_hat / N
  std::optional<double> lo, hi;           ///< 90 % interval of rho; one side is absent near the singularity
  std::optional<double> density_per_bit;  ///< rho 16 / bits
  std::optional<double> density_per_stored_bit;  ///< rho 16 / stored_bits
  std::optional<double> n_eff_precision_law;     ///< f = N_eff / N of the precision law
  std::optional<double> flops_per_token;         ///< of a forward pass
  std::optional<double> density_by_flops;        ///< those of the reference model of N_hat parameters, over these
  std::optional<double> flops_lo, flops_hi;      ///< 90 % interval of that
  int beyond = 0;          ///< 1: measured better than any size of the reference; -1: at or below chance; 0 elsewhere
  std::string why_absent;  ///< why n_effective is absent; empty where it is there
  std::string why_open;    ///< why lo, hi or both are absent; empty where both are there
};

struct Options {
  std::optional<double> reference_tokens;  ///< D0; absent: every run at its own D
};

/// Effective parameters and density of every point, in order of the points, then of the excluded runs:
///
///   N_hat = ((L - E - B D0^-beta) / A)^(-1/alpha),   rho = N_hat / N
///
/// the inverse of the reference law L = E + A N^-alpha + B D^-beta (2412.04315, Eq 4, with E) at D0 = the run's own D,
/// or at options.reference_tokens. The 90 % interval comes from the bootstrap replicates of `reference`; a replicate
/// that the loss lies beyond counts as infinite, so the interval becomes one-sided as L falls to E + B D0^-beta. N_hat
/// does not exist for L at or below that floor: it is absent with the reason, never clamped.
///
/// `precision_law` may be null. Throws Error when `reference` is not of the form E, A, alpha, B, beta (chinchilla).
std::vector<ModelDensity> densities(const std::vector<law::RunPoint>& points,
                                    const std::vector<fit::Excluded>& excluded, const fit::FitSummary& reference,
                                    const fit::FitSummary* precision_law, const Options& options = {});

/// What a point says of its model; nothing is inverted yet.
ModelDensity model_of(const law::RunPoint& point);

/// What is inverted of this model, with its standard error; absent where it was not measured.
std::optional<double> measured_of(const ModelDensity& model, Measure measure);
double standard_error_of(const ModelDensity& model, Measure measure);  ///< 0 where it is not known, and of Loss

/// Sets what follows from the measured value of a model with N and D: n_effective, density, per bit, interval and
/// reasons. The interval is that of LogDensities::all, one-sided where more than a twentieth of the replicates lie
/// beyond what the reference can reach, or below chance. `noise` draws measured values.
LogDensities set_density(ModelDensity& model, const Family& family, std::optional<double> reference_tokens,
                         const Stream& noise);

/// Quantiles 5 % and 95 % of values that may be infinite: an end is absent where it is.
struct Ends {
  std::optional<double> lo, hi;
};
Ends ends_of(std::vector<double> values);

/// The object that `vernier density --json` prints (CONTRACTS.md); more keys than promised, none fewer.
Json to_json(const std::vector<ModelDensity>& models, const DensingLaw& law, const fit::FitSummary& reference,
             const fit::FitSummary* precision_law);

}  // namespace vernier::density
