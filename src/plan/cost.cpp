#include "plan/cost.h"

#include <cmath>
#include <map>
#include <numeric>

#include "record/recipe.h"

namespace vernier::plan {

namespace {

constexpr double kCurveRow = 90;           // bytes of a row of curve.csv
constexpr double kRowsInADoubling = 16;    // of the steps, see train/cohort.h
constexpr double kSpecAndRecord = 4096;    // bytes of spec.yaml, record.json and config.json
constexpr double kForwardShare = 1.0 / 3;  // of the FLOPs of training on a token

double flops_per_token(const std::string& recipe, const ShapeSpec& shape) {
  return training_flops_per_token(architecture_of(recipe), shape).total();
}

double bytes_of(const NamedRun& run, std::int64_t steps) {
  const double rows = kRowsInADoubling * std::log2(static_cast<double>(steps) + 1);
  return 4 * parameters_of(architecture_of(run.spec.recipe), run.spec.shape).total() + rows * kCurveRow +
         kSpecAndRecord;
}

std::int64_t runs_in(const Cohort& cohort) {
  std::int64_t count = 0;
  for (const auto& member : cohort.runs)
    for (const auto& run : member) count += run.has_value();
  return count;
}

/// What was computed for one shape, and in which time.
struct Measured {
  double flops = 0, seconds = 0;
};

/// FLOPs per second of each shape among the runs, by its FLOPs per token.
std::map<double, Measured> measured_by_shape(const std::vector<StoredRun>& runs) {
  std::map<double, Measured> measured;
  std::map<std::string, std::vector<const StoredRun*>> by_corpus;
  for (const auto& run : runs)
    if (run.record.status == "done" && run.record.seconds > 0) by_corpus[run.record.corpus_digest].push_back(&run);
  for (const auto& [digest, group] : by_corpus) {
    std::vector<RunSpec> specs;
    std::map<std::string, double> seconds;
    for (const StoredRun* run : group) {
      specs.push_back(run->spec);
      seconds[run->id] = run->record.seconds;
    }
    for (const auto& cohort : cohorts_of(specs, digest)) {
      const Tokens tokens = tokens_of(cohort);
      const double per_token = flops_per_token(cohort.recipe, cohort.shape);
      const double validation = kForwardShare * static_cast<double>(cohort.validation_tokens * runs_in(cohort));
      Measured& here = measured[per_token];
      here.flops += per_token * (static_cast<double>(tokens.trunk + tokens.branches) + validation);
      for (const auto& member : cohort.runs)
        for (const auto& run : member)
          if (run) here.seconds += seconds[run->id];
    }
  }
  return measured;
}

}  // namespace

Cost cost_of(const std::vector<Cohort>& cohorts, const Speed& speed) {
  Cost cost;
  cost.cohorts = static_cast<std::int64_t>(cohorts.size());
  cost.tokens = tokens_of(cohorts);
  cost.seconds = 0.0;
  for (const auto& cohort : cohorts) {
    const Tokens tokens = tokens_of(cohort);
    const double per_token = flops_per_token(cohort.recipe, cohort.shape),
                 shared = static_cast<double>(tokens.trunk + tokens.branches);
    const std::int64_t runs = runs_in(cohort);
    cost.runs += runs;
    cost.flops += per_token * shared;
    cost.flops_separate += per_token * static_cast<double>(tokens.separate);
    const std::optional<double> rate = speed ? speed(cohort) : std::nullopt;
    const double validation = kForwardShare * static_cast<double>(runs * cohort.validation_tokens);
    if (rate && cost.seconds)
      *cost.seconds += (shared + validation) / *rate;
    else
      cost.seconds.reset();
    for (const auto& member : cohort.runs)
      for (std::size_t h = 0; h < member.size(); ++h)
        if (member[h]) cost.bytes += bytes_of(*member[h], cohort.steps(h).total);
  }
  return cost;
}

Speed speed_from(const std::vector<StoredRun>& runs) {
  return [measured = measured_by_shape(runs)](const Cohort& cohort) -> std::optional<double> {
    const double wanted = flops_per_token(cohort.recipe, cohort.shape);
    const Measured* nearest = nullptr;
    double distance = 0;
    for (const auto& [per_token, here] : measured) {
      const double ratio = std::abs(std::log(per_token / wanted));
      if (nearest && ratio >= distance) continue;
      nearest = &here;
      distance = ratio;
    }
    if (!nearest) return std::nullopt;
    return nearest->flops / nearest->seconds / wanted;
  };
}

}  // namespace vernier::plan
