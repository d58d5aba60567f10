// The reference family's laws, read backwards: from a score to a conditional loss to a size (LAWS.md, section 4, eq.
// 4).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "density/measure.h"
#include "fit/summary.h"
#include "law/terms.h"

namespace vernier::density {

/// L = E + a N^-alpha + b D^-beta, by whatever names its fit calls a and b.
struct SizeLaw {
  double e = 0, a = 0, alpha = 0, b = 0, beta = 0;

  double floor(double tokens) const { return e + b * std::pow(tokens, -beta); }
  bool depends_on_n() const { return a > 0 && alpha > 0; }
};

using ScoreLaw = law::Parameters<double, 4>;  ///< d, c, gamma, l of densing_score

/// One set of constants: those that fit best, or those of a bootstrap replicate.
struct Reference {
  SizeLaw size;
  std::optional<ScoreLaw> score;  ///< where scores are inverted
};

/// ln N_hat of a measured value at D:
///
///   L_hat = l - (1/gamma) ln( c/(S - d) - 1 )           of a score alone
///   ln N_hat = -(1/alpha) ln( (L_hat - E - b D^-beta)/a )
///
/// +infinity at and above the ceiling c + d and where L_hat does not exceed E + b D^-beta (or by so little that N_hat
/// is no number), -infinity at and below chance level d.
double log_n_hat(const Reference& reference, double measured, double tokens);

/// Why log_n_hat is not finite, in words; empty where it is.
std::string why_no_size(const Reference& reference, Measure measure, double measured, double tokens);

/// The best constants and the bootstrap's, each replicate one resample of the family for both laws.
struct Family {
  Measure measure = Measure::Loss;
  Reference best;
  std::vector<Reference> replicates;  ///< those in which the loss depends on N
};

/// `score` is null unless scores are inverted; the replicates of both fits are paired by the draw they are of
/// (FitSummary::drawn). Throws Error when `size` is not of the form E, A (or a), alpha, B (or b), beta.
Family family_of(Measure measure, const fit::FitSummary& size, const fit::FitSummary* score);

/// ln rho of one model in each replicate of the family; may be infinite to either side.
struct LogDensities {
  std::vector<double> all;  ///< by the replicate's constants and a measured value drawn from its standard error
  std::vector<double> of_reference;  ///< by the replicate's constants alone: for means over models and lines through
                                     ///< them, whose own scatter tells of the models' errors already
};

}  // namespace vernier::density
