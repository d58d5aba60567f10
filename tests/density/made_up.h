// A made-up store with known laws: a reference family with trunks and checkpoints, dated recipes of known density,
// formats of known density, rows of quantization after training and of compression; scores with binomial noise.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/stream.h"
#include "density/analysis.h"
#include "record/recipe.h"

namespace made_up {

using namespace vernier;

struct Recipe {
  std::string name, date;
  double density = 1;
};

struct Truth {
  double e = 0.6, a = 12, alpha = 0.25, b = 60, beta = 0.3;  ///< of the conditional loss
  double d = 0.25, c = 0.7, gamma = -3.2, l = 2.1;           ///< of the score
  double items = 2048;                                       ///< of the score: its standard error is binomial
  double loss_error = 0.01;  ///< standard error of a conditional loss, of a model with so many items [nats]
  double run_noise = 0.003;  ///< of ln L from run to run; 0 for exact laws, which leaves out all noise
  bool noisy = true;

  double task_loss(double n, double tokens) const { return e + a * std::pow(n, -alpha) + b * std::pow(tokens, -beta); }
  double score(double loss) const { return d + c / (1 + std::exp(-gamma * (loss - l))); }
};

inline const std::string kCorpus = "0123456789abcdef0123456789abcdef";
inline const std::vector<std::int64_t> kWidths{32, 48, 64, 96, 160, 256};
inline const std::vector<std::int64_t> kTokens{1 << 20, 1 << 22, 1 << 24, 1 << 26};

inline RunSpec spec_of(const std::string& recipe, std::int64_t width, std::int64_t tokens,
                       const std::string& weights = "fp32", std::int64_t seed = 1) {
  RunSpec spec;
  spec.recipe = recipe;
  spec.shape = {.depth = 3, .width = width, .heads = 2, .context = 128, .vocab = 256};
  spec.numbers.weights = weights;
  spec.training.batch = 16;
  spec.training.learning_rate = 0.003;
  spec.tokens = tokens;
  spec.seed = seed;
  spec.cloze = ClozeSpec{};
  return spec;
}

/// What a model of this conditional loss makes of the tasks; `noise` of the run and of the items.
inline TaskResult result_of(const Truth& truth, double loss, const Stream& noise) {
  const double run = truth.noisy ? std::exp(truth.run_noise * noise.normals(0)[0]) : 1;
  const double score = truth.score(loss * run);
  const double error = std::sqrt(score * (1 - score) / truth.items);
  const auto items = noise.normals(1);
  if (!truth.noisy) return {loss, 0, score, 0};
  return {loss * run + truth.loss_error * items[0], truth.loss_error, score + error * items[1], error};
}

/// A run that is worth `density` times its parameters, with a checkpoint at every quarter of its trunk.
inline StoredRun run_of(const Truth& truth, const RunSpec& spec, const std::string& date, double density,
                        const Stream& noise) {
  StoredRun run;
  run.spec = spec;
  run.id = run_id(spec, kCorpus);
  RunSpec trunk = spec;
  trunk.tokens = 0;
  run.record.status = "done";
  run.record.corpus_digest = kCorpus;
  run.record.recipe_date = date;
  run.record.parent = run_id(trunk, kCorpus);
  run.record.parameters = parameters_of({}, spec.shape);
  const CountByRole flops = training_flops_per_token({}, spec.shape);
  const auto tokens = static_cast<double>(spec.tokens);
  run.record.flops = {0, flops.attention * tokens, flops.mlp * tokens, flops.norm * tokens, flops.head * tokens};
  const double n = run.record.parameters.non_embedding() * density;
  const TaskResult result = result_of(truth, truth.task_loss(n, tokens), noise.child(run.id));
  run.record.task_loss = result.loss, run.record.task_loss_se = result.loss_se;
  run.record.task_accuracy = result.accuracy, run.record.task_accuracy_se = result.accuracy_se;
  run.record.loss_val = (1.2 + truth.task_loss(n, tokens)) *
                        (truth.noisy ? std::exp(truth.run_noise * noise.child(run.id).normals(2)[0]) : 1);
  for (std::int64_t seen = kTokens.front() / 2; seen < spec.tokens * 4 / 5; seen *= 2) {
    CurvePoint row;
    row.step = seen / (16 * 128);
    row.tokens = seen;
    row.cloze = result_of(truth, 1.06 * truth.task_loss(n, double(seen)),  // not cooled down
                          noise.child(*run.record.parent).child(std::uint64_t(seen)));
    run.curve.push_back(row);
  }
  return run;
}

/// The reference family: every width with every D, unrounded.
inline std::vector<StoredRun> family(const Truth& truth, const Stream& noise) {
  std::vector<StoredRun> runs;
  for (const auto width : kWidths)
    for (const auto tokens : kTokens)
      runs.push_back(run_of(truth, spec_of("2024-wsd", width, tokens), "2024-04-09", 1, noise));
  return runs;
}

inline double params_of(std::int64_t width) { return parameters_of({}, spec_of("", width, 1).shape).non_embedding(); }

inline density::Request request(std::int64_t bootstrap = 0) {
  density::Request asked;
  asked.bootstrap = bootstrap;
  return asked;
}

inline const density::ModelDensity& model_named(const density::Analysis& analysis, const std::string& run) {
  for (const auto& model : analysis.models)
    if (model.run == run) return model;
  throw Error("no model is called " + run);
}

}  // namespace made_up
