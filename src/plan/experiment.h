// An experiment: what experiment.yaml says, checked, and everything that follows from it. Nothing runs before all of it
// was checked, and all problems are told at once, each with file, line, key, what was found and what was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "record/compression.h"
#include "record/post_training.h"
#include "record/run_spec.h"
#include "record/training_choices.h"

namespace vernier::data {
class Corpus;
}

namespace vernier::plan {

/// `training:` of an experiment. What is absent comes from the recipe.
struct TrainingAsked {
  std::int64_t batch = 0;  ///< sequences per step
  double learning_rate = 0;
  std::int64_t warmup_tokens = 0;
  std::optional<double> cooldown, beta1, beta2, epsilon, weight_decay, clip;
  std::optional<std::string> optimizer, adjust_lr, schedule;  ///< names of record/training_choices.h
  std::optional<double> momentum, final_rate;

  template <class Archive>
  void fields(Archive& a) {
    a("batch", batch);
    a("learning_rate", learning_rate);
    a("warmup_tokens", warmup_tokens);
    a.optional("cooldown", cooldown);
    a.optional("beta1", beta1);
    a.optional("beta2", beta2);
    a.optional("epsilon", epsilon);
    a.optional("weight_decay", weight_decay);
    a.optional("clip", clip);
    a.optional("optimizer", optimizer);
    a.optional("momentum", momentum);
    a.optional("adjust_lr", adjust_lr);
    a.optional("schedule", schedule);
    a.optional("final_rate", final_rate);
  }
};

/// One size of the grid, with what it wants otherwise than the rest.
struct SizeAsked {
  std::int64_t depth = 0, width = 0;
  std::optional<std::int64_t> heads;                                 ///< absent: default_heads()
  std::optional<double> learning_rate;                               ///< absent: training.learning_rate
  std::optional<std::vector<std::int64_t>> tokens, seeds;            ///< absent: those of the grid
  std::optional<std::string> recipe = std::nullopt;                  ///< absent: the experiment's
  std::optional<std::vector<double>> learning_rates = std::nullopt;  ///< a sweep: every one of them, in one cohort

  template <class Archive>
  void fields(Archive& a) {
    a("depth", depth);
    a("width", width);
    a.optional("heads", heads);
    a.optional("learning_rate", learning_rate);
    a.optional("tokens", tokens);
    a.optional("seeds", seeds);
    a.optional("recipe", recipe);
    a.optional("learning_rates", learning_rates);
  }
};

/// One run on its own.
struct RunAsked {
  std::int64_t depth = 0, width = 0;
  std::optional<std::int64_t> heads;
  std::optional<double> learning_rate;
  std::int64_t tokens = 0;
  NumbersSpec numbers;
  std::int64_t seed = 0;
  std::optional<std::string> recipe = std::nullopt;

  template <class Archive>
  void fields(Archive& a) {
    a("depth", depth);
    a("width", width);
    a.optional("heads", heads);
    a.optional("learning_rate", learning_rate);
    a("tokens", tokens);
    a("numbers", numbers);
    a("seed", seed);
    a.optional("recipe", recipe);
  }
  SizeAsked size() const { return {depth, width, heads, learning_rate, std::nullopt, std::nullopt, recipe}; }
};

/// Every size with every token count, number and seed; and runs that are no such product, which may stand alone.
struct GridAsked {
  std::vector<SizeAsked> sizes;
  std::vector<std::int64_t> tokens;  ///< D
  std::vector<NumbersSpec> numbers;
  std::vector<std::int64_t> seeds;
  std::optional<std::vector<RunAsked>> runs;

  template <class Archive>
  void fields(Archive& a) {
    a.optional("runs", runs);
    const auto product = [&](const char* key, auto& value) { runs ? a.optional(key, value) : a(key, value); };
    product("sizes", sizes);
    product("tokens", tokens);
    product("numbers", numbers);
    product("seeds", seeds);
  }
  /// True where the product is asked for, or anything of it.
  bool has_product() const { return !runs || !(sizes.empty() && tokens.empty() && numbers.empty() && seeds.empty()); }
};

/// `fit:` of an experiment, passed on to fit/fit.h.
struct FitAsked {
  /// `all` becomes every law there is.
  std::vector<std::string> laws{"chinchilla", "kumar_weights", "kumar_tied", "kumar_joint", "free_eff"};
  std::int64_t bootstrap = 1000, starts = 64, seed = 1;
  double huber_delta = 1e-3;
  std::string holdout = "largest_n:1";  ///< largest_n:k | largest_d:k | fraction:f | none
  std::vector<std::string> tie;         ///< alpha=beta
  std::vector<std::string> fix;         ///< n_w=0

  template <class Archive>
  void fields(Archive& a) {
    a.optional("laws", laws);
    a.optional("bootstrap", bootstrap);
    a.optional("starts", starts);
    a.optional("seed", seed);
    a.optional("huber_delta", huber_delta);
    a.optional("holdout", holdout);
    a.optional("tie", tie);
    a.optional("fix", fix);
  }
};

/// `post_training:` of an experiment: every method with every number, for every run of the grid. No part of a run's
/// name.
struct PostTrainingAsked {
  std::vector<std::string> methods;                  ///< rtn | gptq | awq
  std::vector<std::string> weights;                  ///< number strings
  std::int64_t calibration = kCalibrationSequences;  ///< sequences

  template <class Archive>
  void fields(Archive& a) {
    a("methods", methods);
    a("weights", weights);
    a.optional("calibration", calibration);
  }
};

/// `compression:` of an experiment: every variant of every unrounded run on this many tokens. No part of a run's name.
struct CompressionAsked {
  std::optional<std::int64_t> of_tokens;  ///< D of the runs that are compressed; absent: the most of the grid
  std::vector<CompressionTask> variants;

  template <class Archive>
  void fields(Archive& a) {
    a.optional("of_tokens", of_tokens);
    a("variants", variants);
  }
};

/// One entry of `hypotheses:`: a claim about parameters or trends, decided when the runs are there (fit/claim.h).
struct HypothesisAsked {
  std::string claim;               ///< "gamma_w == gamma_a", "delta_ptq grows with D/N"
  std::optional<std::string> law;  ///< absent: the only one of fit.laws that has the symbols
  double margin = 0.2;             ///< a relative difference up to this counts as none

  template <class Archive>
  void fields(Archive& a) {
    a("claim", claim);
    a.optional("law", law);
    a.optional("margin", margin);
  }
};

struct Experiment {
  // As written, with --set applied.
  std::string name;
  std::string question;
  CorpusSpec corpus;         ///< its path as written, so that stored runs name no place of this machine
  std::string recipe;        ///< of the sizes that have none of their own
  std::int64_t context = 0;  ///< tokens
  TrainingAsked training;
  std::int64_t validation_tokens = 0;
  GridAsked grid;
  bool exact = false;
  FitAsked fit;
  std::optional<ClozeSpec> cloze;  ///< tasks for every run and checkpoint; absent: none
  std::optional<PostTrainingAsked> post_training;
  std::optional<CompressionAsked> compression;
  std::vector<HypothesisAsked> hypotheses;

  // What reading found out.
  std::filesystem::path file;                  ///< the YAML file
  std::vector<std::string> set;                ///< the --set overrides, as given
  std::int64_t vocab = 0;                      ///< 0 when the corpus was not opened
  std::string corpus_digest;                   ///< empty when the corpus was not opened
  std::shared_ptr<const data::Corpus> opened;  ///< null when the corpus was not opened

  std::filesystem::path folder() const { return file.parent_path(); }

  template <class Archive>
  void fields(Archive& a) {
    a("name", name);
    a.optional("question", question);
    a("corpus", corpus);
    a("recipe", recipe);
    a("context", context);
    a("training", training);
    a("validation_tokens", validation_tokens);
    a("grid", grid);
    a.optional("exact", exact);
    a.optional("fit", fit);
    a.optional("cloze", cloze);
    a.optional("post_training", post_training);
    a.optional("compression", compression);
    a.optional("hypotheses", hypotheses);
  }
};

/// What is checked beside the file itself.
struct ReadOptions {
  bool open_corpus = true;  ///< false: a corpus that is no longer there is no problem; no run can be named then
  bool writes = false;      ///< true: the store must be writable, or possible to create
  std::optional<std::filesystem::path> store;  ///< --store
};

/// Reads and checks an experiment; `path` is a folder that holds experiment.yaml, or a YAML file.
///
/// set     each "key.path=value"; lists by index (grid.tokens.0 or grid.tokens[0]), values in YAML
/// throws  Error with every problem: unknown, missing, duplicate and ill-typed keys, values that cannot be, heads that
/// do not
///         divide the width, unknown recipes, formats and laws, numbers that a part cannot have, tokens that are no
///         whole steps, a schedule that does not fit into the fewest tokens, more tokens than the corpus has, an entry
///         given twice, hypotheses that cannot be read or that no run of the grid can speak of
Experiment read_experiment(const std::filesystem::path& path, const std::vector<std::string>& set = {},
                           const ReadOptions& options = {});

/// The YAML file that `path` means: itself, or experiment.yaml in it. Throws Error where there is none.
std::filesystem::path file_of(const std::filesystem::path& path);

/// Where the runs of an experiment lie: `store` where given, else results/runs beside its file.
std::filesystem::path store_of(const Experiment& experiment, const std::optional<std::filesystem::path>& store = {});

/// Heads whose width comes closest (in ratio) to what the recipe aims at, among those that divide the width into even
/// parts, as the rotary embedding turns pairs; 0 where there are none (an odd width).
std::int64_t default_heads(const std::string& recipe, std::int64_t width);

/// The recipe of one size of the grid: its own, or the experiment's.
const std::string& recipe_of(const Experiment& experiment, const SizeAsked& size);

/// The learning rates of one size of the grid: those that it sweeps, or its one, or that of the training.
std::vector<double> learning_rates_of(const Experiment& experiment, const SizeAsked& size);

/// The shape of one size of the grid.
ShapeSpec shape_of(const Experiment& experiment, const SizeAsked& size);

/// The training of one size of the grid, what was not asked taken from its recipe; the first rate of a sweep.
TrainingSpec training_of(const Experiment& experiment, const SizeAsked& size);

/// The bounds of a run of D tokens.
using vernier::Steps;
Steps steps_of(const TrainingSpec& training, std::int64_t context, std::int64_t tokens);

}  // namespace vernier::plan
