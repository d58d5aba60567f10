#include "density/family.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "fit/sweep.h"

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
  const auto beaten = fit::beaten_runs(runs);
  for (const law::RunPoint& point : points) {
    const StoredRun& run = *by_id.at(point.run);
    if (!is_reference(point) || run.spec.recipe != family.recipe) continue;
    if (const auto found = beaten.find(run.id); found != beaten.end()) {
      family.left_out.push_back({found->first, found->second});
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
