// The two laws of the reference family: the conditional loss from N and D, and the score from the conditional loss
// (Xiao et al., arXiv 2412.04315, eq. 2 and 3).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "density/family.h"
#include "density/reference.h"

namespace vernier::density {

/// One form of the law of the conditional loss.
struct FormFit {
  std::string name;  ///< of kForms
  std::optional<fit::FitSummary> fit;
  std::string why_absent;
  bool used = false;
};

struct ReferenceLaws {
  Measure measure = Measure::Loss;
  fit::FitSummary size;                  ///< chinchilla on the loss, densing_loss on the conditional loss
  std::optional<fit::FitSummary> score;  ///< densing_score, where scores are inverted
  std::vector<FormFit> forms;            ///< of densing_loss, both
  std::vector<Checkpoint> checkpoints;   ///< that `score` was fitted to
  std::vector<std::string> notes;        ///< where a fit is poor, in words
};

struct LawOptions {
  Measure measure = Measure::Loss;
  Form form = Form::Auto;
  std::int64_t bootstrap = 1000;
  std::int64_t seed = 1;
};

/// Fits what `measure` needs.
///
/// Form::Auto takes the form whose errors on runs held out are smaller (their geometric mean over the hold-outs that
/// both allow: largest N, largest D, a drawn fifth; AIC where there is none). The score law is fitted to all
/// checkpoints, its Huber delta the median standard error of a score. Both laws see the same resamples: a cell of
/// reference runs counts equally often in either, with the rows of the trunk that it was the first to pass.
///
/// throws  Error where the runs do not suffice for a fit, or have no tasks although a measure needs them
ReferenceLaws reference_laws(const ReferenceRuns& family, const LawOptions& options);

}  // namespace vernier::density
