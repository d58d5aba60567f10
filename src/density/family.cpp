#include "density/family.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace vernier::density {

namespace {

constexpr const char* kDefaultRecipe = "2024-wsd";

bool is_reference(const law::RunPoint& point) { return point.precision == "baseline"; }

using RunsById = std::map<std::string, const StoredRun*>;

std::string chosen_recipe(const std::vector<law::RunPoint>& points, const RunsById& runs, const std::string& asked) {
  std::map<std::string, int> unrounded;
  for (const law::RunPoint& point : points)
    if (is_reference(point)) ++unrounded[runs.at(point.run)->spec.recipe];
  if (unrounded.empty()) throw Error("no run is unrounded; expected runs in fp32 to serve as the reference family");
  if (asked.empty() && unrounded.contains(kDefaultRecipe)) return kDefaultRecipe;
  if (asked.empty())
    return std::max_element(unrounded.begin(), unrounded.end(), [](auto& a, auto& b) { return a.second < b.second; })
        ->first;
  std::vector<std::string> known;
  for (const auto& [recipe, count] : unrounded) known.push_back(recipe);
  if (!unrounded.contains(asked))
    throw Error(fmt::format("--reference: no unrounded run has the recipe '{}'; there are runs of {}", asked,
                            fmt::join(known, ", ")));
  return asked;
}

/// All that a run was asked but learning rate and seed.
std::string all_but_rate(const StoredRun& run) {
  RunSpec spec = run.spec;
  spec.seed = 0;
  spec.training.learning_rate = 0;
  return run.record.corpus_digest + to_json(spec).dump();
}

/// The learning rate of least mean loss among runs alike in all else.
std::map<std::string, double> best_rates(const std::vector<law::RunPoint>& points, const RunsById& runs) {
  struct Mean {
    double sum = 0, count = 0;
  };
  std::map<std::string, std::map<double, Mean>> losses;
  for (const law::RunPoint& point : points) {
    const StoredRun& run = *runs.at(point.run);
    Mean& mean = losses[all_but_rate(run)][run.spec.training.learning_rate];
    mean.sum += point.loss, mean.count += 1;
  }
  std::map<std::string, double> best;
  for (const auto& [key, by_rate] : losses)
    best[key] = std::min_element(by_rate.begin(), by_rate.end(), [](auto& a, auto& b) {
                  return a.second.sum / a.second.count < b.second.sum / b.second.count;
                })->first;
  return best;
}

TaskResult result_of(const law::RunPoint& point) {
  return {point.task_loss, point.task_loss_se, point.task_accuracy, point.task_accuracy_se};
}

bool has_result(const law::RunPoint& point) {
  return std::isfinite(point.task_loss) && std::isfinite(point.task_accuracy);
}

}  // namespace

bool ReferenceRuns::has_tasks() const { return std::any_of(points.begin(), points.end(), has_result); }

ReferenceRuns reference_runs(const std::vector<StoredRun>& runs, const std::vector<law::RunPoint>& points,
                             const std::string& recipe) {
  RunsById by_id;
  for (const StoredRun& run : runs) by_id[run.id] = &run;
  ReferenceRuns family{chosen_recipe(points, by_id, recipe), {}, {}, {}};
  std::vector<law::RunPoint> unrounded;
  for (const law::RunPoint& point : points)
    if (is_reference(point) && by_id.at(point.run)->spec.recipe == family.recipe) unrounded.push_back(point);
  const auto best = best_rates(unrounded, by_id);
  for (const law::RunPoint& point : unrounded) {
    const StoredRun& run = *by_id.at(point.run);
    if (const double rate = best.at(all_but_rate(run)); rate != run.spec.training.learning_rate) {
      family.left_out.push_back({run.id, fmt::format("the learning rate {:g} gives a smaller loss than {:g}", rate,
                                                     run.spec.training.learning_rate)});
      continue;
    }
    family.runs.push_back(&run);
    family.points.push_back(point);
  }
  return family;
}

std::vector<Checkpoint> checkpoints_of(const ReferenceRuns& family) {
  std::vector<Checkpoint> checkpoints;
  std::vector<std::size_t> by_tokens;
  for (std::size_t i = 0; i < family.runs.size(); ++i)
    if (has_result(family.points[i])) by_tokens.push_back(i);
  for (const std::size_t i : by_tokens)
    checkpoints.push_back({family.points[i].run, family.points[i].run, true, family.points[i].params,
                           family.points[i].tokens, result_of(family.points[i])});
  std::stable_sort(by_tokens.begin(), by_tokens.end(),
                   [&](std::size_t a, std::size_t b) { return family.points[a].tokens < family.points[b].tokens; });
  std::set<std::tuple<std::string, std::int64_t, double, double>> seen;  // a branch cooling down is no trunk
  for (const std::size_t i : by_tokens) {
    const StoredRun& run = *family.runs[i];
    const std::string trunk = run.record.parent.value_or(run.id);
    for (const CurvePoint& row : run.curve) {
      if (!row.cloze || row.tokens >= run.spec.tokens) continue;
      if (!seen.emplace(trunk, row.step, row.cloze->loss, row.cloze->accuracy).second) continue;
      checkpoints.push_back({fmt::format("{}@{}", run.id, row.step), run.id, false, family.points[i].params,
                             static_cast<double>(row.tokens), *row.cloze});
    }
  }
  return checkpoints;
}

}  // namespace vernier::density
