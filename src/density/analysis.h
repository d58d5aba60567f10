// From a store's runs to densities and what follows from them: the reference family and its laws, every model's
// density, the densing law over dates, the meeting with the precision law, the frontier of stored bits, the outlook.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "density/compressed.h"
#include "density/density.h"
#include "density/frontier.h"
#include "density/laws.h"
#include "density/meeting.h"
#include "density/outlook.h"
#include "record/run_record.h"
#include "store/store.h"

namespace vernier::density {

struct Request {
  std::string recipe;  ///< of the reference family; empty: 2024-wsd where it has unrounded runs, else
                       ///< the recipe with the most of them
  std::string law;     ///< of precision; empty: the best of the Kumar family, by hold-out, then AIC
  std::optional<double> reference_tokens;  ///< D0; absent: every run at its own D
  std::int64_t bootstrap = 1000;           ///< replicates of the reference fit
  std::int64_t seed = 1;
  std::optional<Measure> measure = std::nullopt;  ///< absent: the score where reference runs have tasks, else the loss
  Form form = Form::Auto;                         ///< of the law of the conditional loss
  std::optional<double> score = std::nullopt;     ///< that the outlook asks for; absent: the reference runs' median
  std::optional<double> price_halving = std::nullopt;  ///< of the outlook [days]
  double budget = 1;                                   ///< of the outlook [parameters]
};

struct Analysis {
  std::string recipe;                            ///< of the reference family
  Measure measure = Measure::Loss;               ///< what was inverted
  fit::FitSummary reference;                     ///< chinchilla, or densing_loss, on its unrounded runs
  std::vector<fit::Excluded> left_out;           ///< unrounded runs of the recipe that it was not fitted to
  std::optional<fit::FitSummary> score_law;      ///< densing_score, where scores are inverted
  std::vector<Checkpoint> checkpoints;           ///< that it was fitted to
  std::vector<FormFit> forms;                    ///< of the law of the conditional loss
  std::vector<std::string> notes;                ///< on the reference's fits
  std::optional<fit::FitSummary> precision_law;  ///< on all its runs
  std::string why_no_precision_law;
  std::vector<ModelDensity> models;          ///< trained in order of id, excluded, made of trained ones
  std::vector<LogDensities> log_replicates;  ///< of `models`, in their order; empty where nothing was measured
  DensingLaw law;                            ///< over every date's densest trained model with an interval to both sides
  DensingLaw typical_law;  ///< over the geometric mean of every recipe's unrounded runs, which no lucky run moves
  Meetings meetings;
  std::vector<FrontierPoint> frontier;
  CompressionSummary compression;
  Outlook outlook;
};

/// Throws Error where no run is given, the recipe has no unrounded run, or it has too few for a fit; a precision law
/// that cannot be fitted is absent with the reason. Models made of trained ones are listed where reference runs have
/// tasks.
Analysis analyse(const std::vector<StoredRun>& runs, const std::vector<store::Broken>& broken, const Request& request);

/// What `vernier density --json` prints.
Json to_json(const Analysis& analysis, const Request& request);

}  // namespace vernier::density
