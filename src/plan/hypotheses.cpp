#include "plan/hypotheses.h"

#include <algorithm>

#include "fit/parts.h"
#include "plan/grid.h"
#include "plan/identify.h"

namespace vernier::plan {

namespace {

std::vector<std::string> laws_of(const Experiment& experiment) {
  const auto& laws = experiment.fit.laws;
  return std::find(laws.begin(), laws.end(), "all") != laws.end() ? law_names() : laws;
}

fit::Hypothesis hypothesis_of(const Experiment& experiment, const HypothesisAsked& asked) {
  return fit::hypothesis_of(fit::parse_claim(asked.claim), asked.law.value_or(""), asked.margin, laws_of(experiment));
}

/// The runs that the grid will make as points, those quantized after training too; their losses mean nothing.
std::vector<law::RunPoint> planned_points(const Experiment& experiment) {
  auto points = points_of(runs_of_recipe(experiment));
  if (!experiment.post_training) return points;
  const std::size_t trained = points.size();
  for (std::size_t i = 0; i < trained; ++i)
    for (const auto& weights : experiment.post_training->weights)
      for (const auto& method : experiment.post_training->methods) {
        points.push_back(points[i]);
        points.back().post = fit::part_of(weights);
        points.back().method = method;
        points.back().loss_before = 1;
      }
  return points;
}

/// Says whether the hypothesis can be read; what is wrong with it is added.
bool is_readable(const Experiment& experiment, const HypothesisAsked& asked, const std::string& key,
                 Findings& findings) {
  const auto names = law_names();
  if (asked.law && !findings.expect(key + ".law", std::find(names.begin(), names.end(), *asked.law) != names.end(),
                                    fmt::format("one of {}", fmt::join(names, ", ")), "'" + *asked.law + "'"))
    return false;
  if (!findings.expect(key + ".margin", asked.margin > 0, "a positive number", asked.margin)) return false;
  if (!findings.sound(key)) return false;
  try {
    hypothesis_of(experiment, asked);
    return true;
  } catch (const Error& problem) {
    findings.add(key + ".claim", problem.what());
    return false;
  }
}

}  // namespace

void check_hypotheses(const Experiment& experiment, Findings& findings) {
  const auto& asked = experiment.hypotheses;
  const bool laws = findings.sound("fit.laws");
  bool grid = true;  // the runs can be listed
  for (const char* key : {"recipe", "context", "training", "grid", "post_training"}) grid = grid && findings.sound(key);
  const auto points = grid && !asked.empty() ? planned_points(experiment) : std::vector<law::RunPoint>{};
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::string key = fmt::format("hypotheses[{}]", i);
    if (!laws || !is_readable(experiment, asked[i], key, findings) || !grid) continue;
    const auto why = fit::lacking(hypothesis_of(experiment, asked[i]), points);
    findings.expect(key + ".claim", why.empty(), "runs that the claim can be about", why);
  }
}

std::vector<fit::Hypothesis> hypotheses_of(const Experiment& experiment) {
  std::vector<fit::Hypothesis> hypotheses;
  for (const auto& asked : experiment.hypotheses) hypotheses.push_back(hypothesis_of(experiment, asked));
  return hypotheses;
}

}  // namespace vernier::plan
