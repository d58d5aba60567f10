// Stored runs from a known law with known noise: what the report is tried on. Five sizes, four token counts, six
// precisions, two seeds at the smaller sizes, curves of warmup-stable-decay shape.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/stream.h"
#include "record/recipe.h"
#include "record/run_record.h"
#include "report/report.h"

namespace synthetic {

using namespace vernier;

struct Truth {
  double E = 1.5, A = 32, B = 220, alpha = 0.4, beta = 0.45;
  double gamma = 2.0;    ///< of each of weights, activations, kv [bits]
  double noise = 0.002;  ///< standard deviation of ln L
};

struct Grid {
  std::vector<std::pair<std::int64_t, std::int64_t>> sizes{
      {2, 16}, {2, 32}, {3, 48}, {4, 64}, {4, 96}};  ///< depth, width
  std::vector<std::int64_t> tokens{524288, 1048576, 2097152, 8388608};
  std::vector<int> bits{16, 8, 6, 5, 4, 3};  ///< 16: nothing is rounded
  std::size_t sizes_with_two_seeds = 3;
};

inline const std::string kCorpusDigest = "00000000000000000000000000000001";

/// N_eff/N of the truth.
inline double share(const Truth& truth, int bits) {
  return bits == 16 ? 1 : std::pow(1 - std::exp(-bits / truth.gamma), 3);
}

inline double loss(const Truth& truth, double params, double tokens, int bits) {
  return truth.E + truth.A * std::pow(params * share(truth, bits), -truth.alpha) +
         truth.B * std::pow(tokens, -truth.beta);
}

inline RunSpec spec_of(std::pair<std::int64_t, std::int64_t> size, std::int64_t tokens, int bits, std::int64_t seed) {
  RunSpec spec;
  spec.recipe = "2024-wsd";
  spec.shape = {size.first, size.second, 2, 64, 64};
  spec.training = {32, 3e-3, 65536, 0.2, 0.9, 0.95, 1e-8, 0.1, 1.0};
  spec.tokens = tokens;
  spec.validation_tokens = 65536;
  spec.seed = seed;
  if (bits < 16) {
    spec.numbers.weights = fmt::format("int{}/channel", bits);
    spec.numbers.activations = spec.numbers.kv = fmt::format("int{}/token", bits);
  }
  return spec;
}

/// The loss falls as a power of the tokens seen, with noise of single batches, and by a little more while cooling down.
inline Curve curve_of(const Truth& truth, const RunSpec& spec, double params, int bits, Stream stream) {
  Curve curve;
  const std::int64_t batch = spec.training.batch * spec.shape.context, steps = spec.tokens / batch;
  const std::int64_t leave = steps - std::llround(0.2 * double(steps));
  for (std::int64_t step = 4; step <= steps; step += 4) {
    const double progress = step <= leave ? 0 : double(step - leave) / double(steps - leave);
    const double falling =
        loss(truth, params, double(step * batch) * (0.6 + 0.4 * progress), bits) * (1.03 - 0.03 * progress);
    const double noise = std::exp(0.01 * stream.normals(std::uint64_t(step))[0]);
    CurvePoint point{step, step * batch, spec.training.learning_rate * (1 - std::sqrt(progress)), falling * noise,
                     {},   0.5};
    if (step + 4 > steps) point.loss_val = falling;
    curve.push_back(point);
  }
  return curve;
}

inline StoredRun run_of(const Truth& truth, const RunSpec& spec, int bits) {
  StoredRun run;
  run.spec = spec;
  run.id = run_id(spec, kCorpusDigest);
  auto& record = run.record;
  record.status = "done";
  record.experiment = "synthetic";
  record.corpus_digest = kCorpusDigest;
  record.recipe_date = "2024-04-09";
  record.parameters = parameters_of({}, spec.shape);
  record.flops = training_flops_per_token({}, spec.shape);
  record.loss_floor = truth.E;
  record.carrier = "bf16";
  record.device = "cpu";
  record.threads = 2;
  record.batch_tokens = spec.training.batch * spec.shape.context;
  record.steps = spec.tokens / record.batch_tokens;
  record.seconds = double(spec.tokens) * record.parameters.non_embedding() * 1e-10;
  record.host = "somewhere";
  record.version = "0.1.0";
  const double params = record.parameters.non_embedding();
  const Stream stream = Stream(7).child(run.id);
  record.loss_val = loss(truth, params, double(spec.tokens), bits) * std::exp(truth.noise * stream.normals(0)[0]);
  record.loss_val_se = 0.003;
  record.loss_train = *record.loss_val;
  run.curve = curve_of(truth, spec, params, bits, stream.child("curve"));
  return run;
}

/// All runs of the grid; of the smallest size at the fewest bits and most tokens, one diverged.
inline std::vector<StoredRun> runs(const Truth& truth = {}, const Grid& grid = {}) {
  std::vector<StoredRun> all;
  for (std::size_t s = 0; s < grid.sizes.size(); ++s)
    for (const auto tokens : grid.tokens)
      for (const int bits : grid.bits)
        for (std::int64_t seed = 1; seed <= (s < grid.sizes_with_two_seeds ? 2 : 1); ++seed)
          all.push_back(run_of(truth, spec_of(grid.sizes[s], tokens, bits, seed), bits));
  return all;
}

/// Turns a run into one that ended without a loss.
inline void diverge(StoredRun& run, std::int64_t step) {
  run.record.status = "diverged";
  run.record.diverged_at = step;
  run.record.loss_val.reset();
  run.record.loss_val_se.reset();
  run.record.loss_train.reset();
  std::erase_if(run.curve, [&](const auto& point) { return point.step >= step; });
}

inline report::Asked asked(std::int64_t bootstrap = 60) {
  report::Asked asked;
  asked.experiment = "synthetic";
  asked.question = "What does a number of bits buy?";
  asked.laws = {"chinchilla", "kumar_weights", "kumar_tied", "free_eff"};
  asked.options.bootstrap = bootstrap;
  asked.options.starts = 16;
  asked.options.holdout = "largest_n:1";
  return asked;
}

/// The grid's study with one diverged run and one broken folder, analysed once for all tests.
inline const report::Study& study() {
  static const report::Study whole = [] {
    auto all = runs();
    diverge(all.back(), 40);
    return report::analyse(asked(), all, {{"0123456789abcdef", "record.json: absent"}});
  }();
  return whole;
}

}  // namespace synthetic
