#include "plan/improve.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/error.h"
#include "plan/candidates.h"
#include "plan/cost.h"
#include "plan/design.h"
#include "plan/grid.h"
#include "plan/quantity.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

constexpr double kPrior = 3;  // a factor of twenty either way: so weak that a handful of runs outweighs it

double flops_of(const std::vector<RunSpec>& runs, const std::string& corpus_digest) {
  return cost_of(cohorts_of(runs, corpus_digest), Speed()).flops;
}

double number_in(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) && value > 0 ? value : 0;
}

/// FLOPs of "1e15", or of "80%" of what the grid as written costs.
double budget_of(const std::string& text, double written) {
  const bool percent = text.ends_with('%');
  const double value = number_in(percent ? std::string_view(text).substr(0, text.size() - 1) : text);
  if (!(value > 0))
    throw Error(fmt::format(
        "--improve: expected FLOPs such as 1e15, or a share of the grid's own such as 100%, got '{}'", text));
  return percent ? value / 100 * written : value;
}

/// The grid as written, what may be run beside it, and what of a law's points belongs to which.
struct Field {
  std::vector<RunSpec> written;
  std::vector<bool> done;  ///< of the written runs
  Candidates candidates;
  Sensitivity at;                      ///< of the law over all of them
  Sensitivity alone;                   ///< of the law over the written runs
  std::vector<std::vector<int>> rows;  ///< of `at`, by run: written, then candidates
};

/// The place of a run among the written and the candidates, which points_of() gave as its name.
std::size_t run_of_point(const law::RunPoint& point) { return static_cast<std::size_t>(std::stoull(point.run)); }

void look(Field& field, const Experiment& experiment, const std::string& law, const Assumed& assumed) {
  std::vector<RunSpec> all = field.written;
  for (const auto& candidate : field.candidates.runs) all.push_back(candidate.run);
  const Centre centre = centre_of(points_of(field.written));
  const auto points = points_of_law(law, points_of(experiment, all, assumed, centre));
  std::vector<law::RunPoint> anchor;
  for (const auto& point : points)
    if (run_of_point(point) < field.written.size()) anchor.push_back(point);
  const auto options = options_of(experiment.fit);
  field.alone = foresight(law, anchor, anchor, assumed, options);
  field.at = foresight(law, points, anchor, assumed, options);
  field.rows.resize(all.size());
  for (std::size_t i = 0; i < points.size(); ++i)
    if (!field.at.outside[i]) field.rows[run_of_point(points[i])].push_back(static_cast<int>(i));
}

Eigen::MatrixXd rows_of(const Field& field, const std::vector<std::size_t>& runs) {
  std::vector<int> rows;
  for (const std::size_t run : runs) rows.insert(rows.end(), field.rows[run].begin(), field.rows[run].end());
  return field.at.J(rows, Eigen::all);
}

/// Which of the written runs are done, or all of them.
std::vector<std::size_t> written_runs(const Field& field, bool only_done) {
  std::vector<std::size_t> runs;
  for (std::size_t i = 0; i < field.written.size(); ++i)
    if (!only_done || field.done[i]) runs.push_back(i);
  return runs;
}

RunSpec with_seed(RunSpec run, std::int64_t seed) {
  run.seed = seed;
  return run;
}

/// A design's options, and the candidate that each is: those that say something under the law.
struct Options {
  std::vector<DesignOption> options;
  std::vector<std::size_t> candidate;
  std::map<std::string, Choice> choice_of;  ///< by run id
};

Options options_for(const Field& field, const Experiment& experiment, const std::set<std::string>& done, double noise) {
  Options all;
  const auto& [runs, seeds] = field.candidates;
  for (std::size_t c = 0; c < runs.size(); ++c) {
    const Eigen::MatrixXd J = rows_of(field, {field.written.size() + c});
    if (!(J.norm() > 0)) continue;
    DesignOption option{runs[c].track,          runs[c].steps.leave, runs[c].steps.cooldown,
                        runs[c].flops_per_step, J / noise,           {}};
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      const std::string id = run_id(with_seed(runs[c].run, seeds[s]), experiment.corpus_digest);
      if (done.contains(id)) option.not_seeds.insert(s);
      all.choice_of[id] = {all.options.size(), s};
    }
    all.options.push_back(std::move(option));
    all.candidate.push_back(c);
  }
  return all;
}

/// The written runs that are still to be made, as choices; those about which the law says nothing are left out.
std::vector<Choice> written_choices(const Field& field, const Options& options, const std::string& corpus_digest) {
  std::set<Choice> choices;
  for (std::size_t i = 0; i < field.written.size(); ++i)
    if (!field.done[i])
      if (const auto found = options.choice_of.find(run_id(field.written[i], corpus_digest));
          found != options.choice_of.end())
        choices.insert(found->second);
  return {choices.begin(), choices.end()};
}

Expected interval(const Field& field, const std::vector<std::size_t>& runs, const Slope& slope,
                  const NamedQuantity& quantity, double noise) {
  const auto error = Knowledge(rows_of(field, runs), noise).error(slope.gradient);
  Expected expected = expected_of(slope.value, slope.log, error, slope.rule);
  expected.law = quantity.law;
  expected.parameter = quantity.name;
  return expected;
}

/// The chosen runs by candidate, with their cost and their share of the gain.
std::vector<Proposed> cells_of(const Field& field, const Options& options, const Design& design) {
  double gain = 0;
  for (const double each : design.gain) gain += each;
  std::map<std::size_t, Proposed> by_candidate;
  for (std::size_t i = 0; i < design.choices.size(); ++i) {
    const std::size_t c = options.candidate[design.choices[i].option];
    const RunSpec& run = field.candidates.runs[c].run;
    Proposed& cell = by_candidate[c];
    cell.runs.push_back(with_seed(run, field.candidates.seeds[design.choices[i].seed]));
    cell.params = parameters_of(architecture_of(run.recipe), run.shape).non_embedding();
    cell.flops += design.flops[i];
    cell.share += gain > 0 ? design.gain[i] / gain : 0;
  }
  std::vector<Proposed> cells;
  for (auto& [c, cell] : by_candidate) cells.push_back(std::move(cell));
  std::stable_sort(cells.begin(), cells.end(), [](const auto& a, const auto& b) { return a.params < b.params; });
  return cells;
}

std::vector<RunSpec> runs_in(const std::vector<Proposed>& cells) {
  std::vector<RunSpec> runs;
  for (const auto& cell : cells) runs.insert(runs.end(), cell.runs.begin(), cell.runs.end());
  return runs;
}

DesignTask task_of(const Field& field, const Options& options, const Slope& slope, double budget, double noise) {
  return {.options = options.options,
          .seeds = field.candidates.seeds.size(),
          .given = rows_of(field, written_runs(field, true)) / noise,
          .prior = Eigen::VectorXd::Constant(field.at.coordinates(), kPrior),
          .gradient = slope.gradient,
          .budget = budget};
}

Field field_of(const Experiment& experiment, const std::set<std::string>& done) {
  Field field;
  field.written = runs_of_recipe(experiment);
  for (const RunSpec& run : field.written) field.done.push_back(done.contains(run_id(run, experiment.corpus_digest)));
  field.candidates = candidates_of(experiment);
  return field;
}

std::vector<RunSpec> specs(const Field& field, const std::vector<std::size_t>& runs) {
  std::vector<RunSpec> chosen;
  for (const std::size_t run : runs) chosen.push_back(field.written[run]);
  return chosen;
}

}  // namespace

Improvement improvement(const Experiment& experiment, const std::set<std::string>& done, const Assumed& assumed,
                        const ImproveAsked& asked) {
  Field field = field_of(experiment, done);
  const auto foreseen =
      foresee(experiment.fit.laws, points_of(experiment, field.written, assumed), assumed, options_of(experiment.fit));
  const NamedQuantity quantity = choose_quantity(asked.quantity, experiment.fit.laws, foreseen);
  look(field, experiment, quantity.law, assumed);
  const Slope slope = slope_of(quantity, field.at, field.alone, asked.compute);
  const Options options = options_for(field, experiment, done, assumed.noise);
  const auto all = written_runs(field, false), made = written_runs(field, true);
  const auto outlook = [&](const std::vector<std::size_t>& runs) {
    return Outlook{flops_of(specs(field, runs), experiment.corpus_digest), static_cast<std::int64_t>(runs.size()),
                   interval(field, runs, slope, quantity, assumed.noise)};
  };
  Improvement found;
  found.law = quantity.law;
  found.quantity = quantity.name;
  found.why = quantity.why;
  found.now = outlook(made);
  found.written = outlook(all);
  found.prior = kPrior;
  found.candidates = options.options.size();
  found.budget = budget_of(asked.budget, found.written.flops);
  const Design design = best_design(task_of(field, options, slope, found.budget, assumed.noise),
                                    {written_choices(field, options, experiment.corpus_digest)});
  if (design.choices.empty())
    throw Error(fmt::format("--improve: expected FLOPs for one run at least, got {:.3g}", found.budget));
  found.cells = cells_of(field, options, design);
  auto with_proposal = made;
  for (const Choice& choice : design.choices)
    with_proposal.push_back(field.written.size() + options.candidate[choice.option]);
  found.proposed = {flops_of(runs_in(found.cells), experiment.corpus_digest),
                    static_cast<std::int64_t>(design.choices.size()),
                    interval(field, with_proposal, slope, quantity, assumed.noise)};
  return found;
}

}  // namespace vernier::plan
