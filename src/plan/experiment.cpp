#include "plan/experiment.h"

#include <algorithm>
#include <cmath>

#include "data/corpus.h"
#include "plan/checks.h"
#include "plan/findings.h"
#include "plan/identify.h"
#include "plan/overrides.h"
#include "record/archive.h"
#include "record/training.h"

namespace fs = std::filesystem;

namespace vernier::plan {

namespace {

/// The corpus with its path seen from the experiment's folder.
CorpusSpec located(const Experiment& experiment) {
  CorpusSpec spec = experiment.corpus;
  if (!spec.text.path.empty()) spec.text.path = (experiment.folder() / spec.text.path).lexically_normal().string();
  return spec;
}

void open_corpus(Experiment& experiment, Findings& findings) {
  if (!findings.sound("corpus")) return;
  const CorpusSpec spec = located(experiment);
  const Problems problems = data::problems(spec);
  findings.add_inside("corpus", problems);
  if (!problems.empty()) return;
  experiment.opened = data::open_corpus(spec);
  experiment.vocab = experiment.opened->vocab();
  experiment.corpus_digest = experiment.opened->digest();
  check_corpus(experiment, findings);
}

}  // namespace

fs::path file_of(const fs::path& path) {
  if (fs::is_directory(path)) {
    if (fs::is_regular_file(path / "experiment.yaml")) return path / "experiment.yaml";
    throw Error(
        fmt::format("{}: holds no experiment.yaml; expected an experiment's folder or a YAML file", path.string()));
  }
  if (fs::exists(path)) return path;
  throw Error(fmt::format("{}: is not there; expected an experiment's folder or a YAML file", path.string()));
}

fs::path store_of(const Experiment& experiment, const std::optional<fs::path>& store) {
  return store.value_or(experiment.folder() / "results" / "runs");
}

Experiment read_experiment(const fs::path& path, const std::vector<std::string>& set, const ReadOptions& options) {
  Experiment experiment;
  experiment.file = file_of(path);
  experiment.set = set;
  const std::string name = experiment.file.string();
  YAML::Node document = parse_yaml(text_of_file(name), name);
  Problems problems;
  for (const auto& assignment : set) document.reset(with_override(document, assignment, problems));
  read_fields(document, name, experiment, problems);
  Findings findings(document, name, std::move(problems));
  check_values(experiment, findings);
  if (options.open_corpus) open_corpus(experiment, findings);
  problems = findings.problems();
  if (options.writes) {
    const fs::path store = store_of(experiment, options.store);
    if (const std::string why = why_unwritable(store); !why.empty())
      problems.push_back(fmt::format("{}: store: expected a folder that can be written, got {}", store.string(), why));
  }
  refuse_if(problems);
  auto& laws = experiment.fit.laws;
  if (std::find(laws.begin(), laws.end(), "all") != laws.end()) laws = law_names();
  return experiment;
}

std::int64_t default_heads(const std::string& recipe, std::int64_t width) {
  const double aim = static_cast<double>(architecture_of(recipe).head_width);
  const std::int64_t unit = architecture_of(recipe).positions == Positions::Rotary ? 2 : 1;
  std::int64_t best = 0;
  double best_distance = 0;
  for (std::int64_t heads = 1; unit * heads <= width; ++heads) {
    if (width % (unit * heads) != 0) continue;
    const double distance = std::abs(std::log(static_cast<double>(width / heads) / aim));
    if (best == 0 || distance < best_distance) {
      best = heads;
      best_distance = distance;
    }
  }
  return best;
}

const std::string& recipe_of(const Experiment& experiment, const SizeAsked& size) {
  return size.recipe ? *size.recipe : experiment.recipe;
}

std::vector<double> learning_rates_of(const Experiment& experiment, const SizeAsked& size) {
  return size.learning_rates.value_or(std::vector{size.learning_rate.value_or(experiment.training.learning_rate)});
}

ShapeSpec shape_of(const Experiment& experiment, const SizeAsked& size) {
  return {.depth = size.depth,
          .width = size.width,
          .heads = size.heads.value_or(default_heads(recipe_of(experiment, size), size.width)),
          .context = experiment.context,
          .vocab = experiment.vocab};
}

TrainingSpec training_of(const Experiment& experiment, const SizeAsked& size) {
  RecipeTraining training = recipe_named(recipe_of(experiment, size)).training;
  const TrainingAsked& asked = experiment.training;
  const auto take = [](const auto& from, auto& to) {
    if (from) to = *from;
  };
  take(asked.cooldown, training.cooldown);
  take(asked.beta1, training.beta1);
  take(asked.beta2, training.beta2);
  take(asked.epsilon, training.epsilon);
  take(asked.weight_decay, training.weight_decay);
  take(asked.clip, training.clip);
  take(asked.optimizer, training.optimizer);
  take(asked.momentum, training.momentum);
  take(asked.adjust_lr, training.adjust_lr);
  take(asked.schedule, training.schedule);
  take(asked.final_rate, training.final_rate);
  return training_by(training, asked.batch, learning_rates_of(experiment, size).at(0), asked.warmup_tokens);
}

Steps steps_of(const TrainingSpec& training, std::int64_t context, std::int64_t tokens) {
  return vernier::steps_of(training, tokens / (training.batch * context));
}

}  // namespace vernier::plan
