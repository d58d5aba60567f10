// The report of an experiment: what was asked, what the runs say, and how well it is known. Made from stored runs and
// fits only, so it can be made again at any time on any machine.
//
//   const Study study = analyse(asked_by(experiment), runs, broken);
//   write_report(study, folder);
//   fmt::print("{}", text_summary(study));
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "density/analysis.h"
#include "fit/data.h"
#include "fit/fit.h"
#include "fit/hypothesis.h"
#include "fit/summary.h"
#include "fit/sweep.h"
#include "plan/experiment.h"
#include "record/run_record.h"
#include "store/store.h"

namespace vernier::report {

/// What the experiment asked.
struct Asked {
  std::string experiment;         ///< its name
  std::string question;           ///< in the words of its file
  std::string recipe;             ///< whose runs the laws are fitted to; empty: all
  std::vector<std::string> laws;  ///< to be fitted; the reference law `chinchilla` is fitted in any case
  fit::FitOptions options;
  std::vector<fit::Hypothesis> hypotheses;
  std::vector<RunSpec> planned;  ///< every run of the grid; empty where only the stored runs are known
  std::string corpus_digest;     ///< names the planned runs together with their specs
};

/// What an experiment asked. Its runs are known only where its corpus has been opened.
Asked asked_by(const plan::Experiment& experiment);

/// A law that these runs could not give.
struct Unfitted {
  std::string law;
  std::string why;
};

/// All runs of one precision, taken together. Shares are relative to the unrounded model.
struct Format {
  std::string precision;  ///< as law::RunPoint::precision
  std::string name;       ///< short, for axes and tables: int4, or its parts where they differ
  std::string parts;      ///< which parts are rounded: "weights + activations + kv"; "none"
  double bits = 16;       ///< of a stored weight; of the narrowest rounded part where weights are not rounded
  std::int64_t runs = 0;  ///< that were fitted
  std::optional<fit::Interval> free_share;       ///< N_eff/N by `free_eff` [1]
  std::optional<fit::Interval> law_share;        ///< N_eff/N by the curve, Study::curve [1]
  std::optional<fit::Interval> density;          ///< median of rho over the runs [1]
  std::optional<fit::Interval> density_per_bit;  ///< density 16 / bits [1]
};

/// Bits per weight where density per stored bit, or N_eff/N per bit, is largest.
struct BestBits {
  double bits = 0;               ///< [bits]
  std::optional<double> lo, hi;  ///< 90 % interval over the replicates
  bool interior = true;          ///< false: at the end of what was searched
};

struct Study {
  Asked asked;
  std::vector<StoredRun> runs;         ///< of this experiment
  std::vector<fit::RateSweep> sweeps;  ///< of the learning rate; only the best one's runs are in `data`
  std::vector<store::Broken> broken;
  std::int64_t missing = 0;                  ///< runs planned and not in the store
  std::int64_t others = 0;                   ///< runs in the store that this experiment did not ask for; left out
  fit::Data data;                            ///< of the recipe that the laws are fitted to
  std::optional<fit::FitSummary> reference;  ///< `chinchilla` on the runs in which nothing is rounded
  std::vector<fit::FitSummary> fits;         ///< precision laws on all runs, in the order asked
  std::vector<Unfitted> unfitted;
  std::optional<std::string> curve;  ///< the law in bits that is drawn: small hold-out error, then AIC
  std::vector<density::ModelDensity> densities;
  /// By tasks and over recipes; absent where no run was asked questions and all have one recipe.
  std::optional<density::Analysis> density;
  std::string why_no_density;            ///< where it was wanted and could not be had
  std::vector<Format> formats;           ///< unrounded first, then bits falling
  std::optional<BestBits> law_best;      ///< of the curve
  std::optional<double> seed_noise;      ///< standard deviation of ln L over seeds, pooled [1]
  std::vector<fit::Decision> decisions;  ///< on the hypotheses, in the order asked

  /// The fit of that name, or nullptr. `chinchilla` is the reference.
  const fit::FitSummary* fit_of(std::string_view law) const;
};

/// Fits what was asked to the planned runs in the store (to all where the plan is not known). A law that these runs
/// cannot give is listed in `unfitted` with the reason; nothing here fails for want of runs.
Study analyse(const Asked& asked, std::vector<StoredRun> runs, std::vector<store::Broken> broken);

/// One finding in plain words.
struct Verdict {
  enum class Tone { Good, Caution, Plain };
  Tone tone = Tone::Plain;
  std::string title;
  std::string text;
};

/// What the data say and do not say: runs, hypotheses, identified parameters, E against the known entropy, forms,
/// density against N_eff/N.
std::vector<Verdict> verdicts(const Study& study);

/// The summary for a terminal: verdicts, table of fits, table of formats. Lines of at most 120 characters.
std::string text_summary(const Study& study);

/// The page with its charts, self-contained: it loads nothing from anywhere.
std::string html_page(const Study& study);

/// fits.json: the object of `vernier fit --json` (CONTRACTS.md), the reference fit included, with `unfitted` and
/// `hypotheses` beside it.
Json fits_json(const Study& study);

/// Where the report of a store belongs: the folder that the store lies in (results/ for results/runs).
std::filesystem::path folder_beside(const std::filesystem::path& store);

/// Writes report.html, fits.json, runs.csv, runs.parquet and summary.txt into `folder`, each renamed into place when
/// complete. Returns the names. Throws Error when the folder cannot be made or written.
std::vector<std::string> write_report(const Study& study, const std::filesystem::path& folder);

}  // namespace vernier::report
