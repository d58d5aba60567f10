#include "density/analysis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "density/models.h"
#include "fit/fit.h"
#include "fit/sweep.h"

namespace vernier::density {

namespace {

constexpr std::array kPrecisionLaws{"kumar_weights", "kumar_tied", "kumar_joint"};

/// Less is better: hold-out error, then AIC.
std::pair<double, double> rank(const fit::FitSummary& fit) {
  constexpr double unknown = std::numeric_limits<double>::infinity();
  return {fit.holdout ? fit.holdout->rms_log.value_or(unknown) : unknown, fit.aic};
}

/// The named law, or the best of those that can be fitted; without one `why` lists what hindered each. Its replicates
/// are made where densities meet it.
std::optional<fit::FitSummary> precision_fit(const std::vector<law::RunPoint>& points, const Request& request,
                                             std::string& why) {
  std::vector<std::string> laws(kPrecisionLaws.begin(), kPrecisionLaws.end());
  if (!request.law.empty()) laws = {request.law};
  if (std::none_of(points.begin(), points.end(), [](auto& point) { return point.precision != "baseline"; })) {
    why = "no run is rounded";
    return std::nullopt;
  }
  fit::FitOptions options;
  options.bootstrap = 0;
  options.seed = request.seed;
  if (laws.size() > 1) options.holdout = "largest_n:1";
  std::optional<fit::FitSummary> best;
  for (const std::string& law : laws) {
    try {
      fit::FitSummary fit = fit::fit(law, points, options);
      if (!best || rank(fit) < rank(*best)) best = std::move(fit);
    } catch (const std::runtime_error& problem) {
      why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", law, problem.what());
    }
  }
  if (!best) return std::nullopt;
  why.clear();
  if (request.bootstrap == 0) return best;
  fit::FitOptions again = options;
  again.holdout.clear();
  again.bootstrap = request.bootstrap;
  fit::FitSummary resampled = fit::fit(best->law, points, again);
  resampled.holdout = best->holdout;
  return resampled;
}

/// Of one recipe, at the best of swept learning rates.
std::vector<law::RunPoint> points_of_recipe(const fit::Data& data, const std::vector<StoredRun>& runs,
                                            const std::string& recipe) {
  const auto beaten = fit::beaten_runs(runs);
  std::set<std::string> members;
  for (const StoredRun& run : runs)
    if (run.spec.recipe == recipe && !beaten.contains(run.id)) members.insert(run.id);
  std::vector<law::RunPoint> family;
  for (const law::RunPoint& point : data.points)
    if (members.contains(point.run)) family.push_back(point);
  return family;
}

/// Options that only another measure heeds.
void check_measure(Measure measure, const Request& request) {
  Problems problems;
  if (request.score && measure != Measure::Score)
    problems.push_back(
        fmt::format("--score: expected scores to be what is inverted, not the {}", row_of(measure).words));
  if (request.form != Form::Auto && measure == Measure::Loss)
    problems.push_back("--form: the law of the loss has one form, with E; expected --measure score or task_loss");
  refuse_if(problems);
}

void add_laws(Analysis& analysis, const ReferenceRuns& family, const Request& request) {
  analysis.measure = request.measure.value_or(family.has_tasks() ? Measure::Score : Measure::Loss);
  check_measure(analysis.measure, request);
  ReferenceLaws laws = reference_laws(family, {analysis.measure, request.form, request.bootstrap, request.seed});
  analysis.recipe = family.recipe;
  analysis.left_out = family.left_out;
  analysis.reference = std::move(laws.size);
  analysis.score_law = std::move(laws.score);
  analysis.checkpoints = std::move(laws.checkpoints);
  analysis.forms = std::move(laws.forms);
  analysis.notes = std::move(laws.notes);
}

/// Of the whole forward pass: F(N_hat) of the reference family over the model's own.
void set_density_by_flops(ModelDensity& model, const std::vector<double>& log_rho, const FlopsOfSize& flops) {
  if (!model.flops_per_token || !flops.is_known() || !model.params) return;
  const double own = std::log(*model.flops_per_token), log_n = std::log(*model.params);
  if (model.density) model.density_by_flops = std::exp(flops.log_flops(log_n + std::log(*model.density)) - own);
  std::vector<double> values;
  for (const double rho : log_rho) values.push_back(std::exp(flops.log_flops(log_n + rho) - own));
  const Ends ends = ends_of(std::move(values));
  model.flops_lo = ends.lo && *ends.lo > 0 ? ends.lo : std::nullopt;
  model.flops_hi = ends.hi;
}

void add_densities(Analysis& analysis, const Family& family, const FlopsOfSize& flops, const Request& request) {
  const Stream noise = Stream{std::uint64_t(request.seed)}.child("measured");
  for (ModelDensity& model : analysis.models) {
    auto& log_rho = analysis.log_replicates.emplace_back();
    model.measure = analysis.measure;
    if (!model.why_absent.empty()) continue;
    if (!measured_of(model, analysis.measure)) {
      model.why_absent = model.why_open = fmt::format("its {} was not measured", row_of(analysis.measure).words);
      continue;
    }
    log_rho = set_density(model, family, request.reference_tokens, noise.child(model.run));
    set_density_by_flops(model, log_rho.all, flops);
  }
}

void add_shares(Analysis& analysis, const fit::Data& data) {
  if (!analysis.precision_law) return;
  const fit::FitSummary& law = *analysis.precision_law;
  for (std::size_t i = 0; i < data.points.size(); ++i)
    if (const double share = fit::n_eff_share(law, law.values(), data.points[i]); std::isfinite(share))
      analysis.models[i].n_eff_precision_law = share;
}

DatedDensity dated(const Analysis& analysis, std::size_t i) {
  const ModelDensity& model = analysis.models[i];
  DatedDensity point{model.recipe_date, model.run, *model.density, false, model.lo, model.hi, {}};
  point.log_replicates = analysis.log_replicates[i];
  return point;
}

std::vector<double> mean_of(const std::vector<const std::vector<double>*>& rows) {
  std::vector<double> mean(rows.front()->size(), 0);
  for (const auto* row : rows)
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += (*row)[k] / double(rows.size());
  return mean;
}

/// The geometric mean of these models, by name of their recipe.
DatedDensity mean_density(const Analysis& analysis, const std::vector<std::size_t>& members) {
  const ModelDensity& first = analysis.models[members.front()];
  DatedDensity mean{first.recipe_date, first.recipe, 0, false, {}, {}, {}};
  std::vector<const std::vector<double>*> all, of_reference;
  double sum = 0;
  for (const std::size_t i : members) {
    sum += std::log(*analysis.models[i].density) / double(members.size());
    all.push_back(&analysis.log_replicates[i].all);
    of_reference.push_back(&analysis.log_replicates[i].of_reference);
  }
  mean.density = std::exp(sum);
  mean.log_replicates = {mean_of(all), mean_of(of_reference)};
  std::vector<double> densities;
  for (const double value : mean.log_replicates.all)
    if (!std::isnan(value)) densities.push_back(std::exp(value));
  const Ends ends = ends_of(std::move(densities));
  mean.lo = ends.lo, mean.hi = ends.hi;
  return mean;
}

/// Every recipe by the geometric mean of its unrounded trained runs, at the best of swept learning rates.
std::vector<DatedDensity> typical_densities(const Analysis& analysis) {
  std::map<std::string, std::vector<std::size_t>> by_recipe;
  for (std::size_t i = 0; i < analysis.models.size(); ++i)
    if (const ModelDensity& model = analysis.models[i]; model.density && model.reference && model.beaten.empty())
      by_recipe[model.recipe].push_back(i);
  std::vector<DatedDensity> means;
  for (const auto& [recipe, members] : by_recipe) means.push_back(mean_density(analysis, members));
  return means;
}

/// Trained models that may hold a record. Near the singularity a model is only known to be denser than something, and
/// the largest of such numbers is the luckiest; where there are intervals, both their ends must be.
std::vector<std::size_t> measured_models(const Analysis& analysis) {
  const auto is_trained = [](const ModelDensity& m) { return m.density && m.kind == Kind::Trained; };
  const bool has_intervals = std::any_of(analysis.models.begin(), analysis.models.end(),
                                         [&](const ModelDensity& m) { return is_trained(m) && m.lo && m.hi; });
  std::vector<std::size_t> measured;
  for (std::size_t i = 0; i < analysis.models.size(); ++i)
    if (const ModelDensity& m = analysis.models[i]; is_trained(m) && (!has_intervals || (m.lo && m.hi)))
      measured.push_back(i);
  return measured;
}

void add_densing_laws(Analysis& analysis, const Stream& stream) {
  std::vector<DatedDensity> list;
  for (const std::size_t i : measured_models(analysis)) list.push_back(dated(analysis, i));
  analysis.law = densing_law(list, stream.child("densest"));
  analysis.typical_law = densing_law(typical_densities(analysis), stream.child("typical"));
}

void add_meetings(Analysis& analysis, const fit::Data& data, const Stream& stream) {
  if (!analysis.precision_law) {
    analysis.meetings.why_absent = analysis.why_no_precision_law;
    return;
  }
  std::vector<Met> runs;
  for (std::size_t i = 0; i < data.points.size(); ++i)
    if (const ModelDensity& model = analysis.models[i];
        model.recipe == analysis.recipe && model.compared_at && model.beaten.empty())
      runs.push_back({analysis.models[i], analysis.log_replicates[i].of_reference, data.points[i]});
  analysis.meetings = meetings_of(runs, *analysis.precision_law, stream);
}

/// Median of what was measured of the reference runs.
double typical_value(const Analysis& analysis) {
  std::vector<double> values;
  for (const ModelDensity& model : analysis.models)
    if (model.fitted)
      if (const auto value = measured_of(model, analysis.measure)) values.push_back(*value);
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double typical_tokens(const ReferenceRuns& family) {
  double sum = 0;
  for (const law::RunPoint& point : family.points) sum += std::log(point.tokens);
  return std::exp(sum / static_cast<double>(family.points.size()));
}

void mark(Analysis& analysis, const std::vector<StoredRun>& runs, const ReferenceRuns& family) {
  std::map<std::string, ModelDensity*> models;
  for (ModelDensity& model : analysis.models) models[model.run] = &model;
  for (const auto& [run, why] : fit::beaten_runs(runs)) models.at(run)->beaten = why;
  for (const law::RunPoint& point : family.points) {
    ModelDensity& model = *models.at(point.run);
    model.fitted = measured_of(model, analysis.measure).has_value();
  }
}

}  // namespace

Analysis analyse(const std::vector<StoredRun>& runs, const std::vector<store::Broken>& broken, const Request& request) {
  if (runs.empty())
    throw Error(fmt::format("the store holds no complete run ({} broken); expected at least one", broken.size()));
  fit::Data data = fit::points_from_runs(runs);
  for (const store::Broken& folder : broken) data.excluded.push_back({folder.folder, "broken: " + folder.why});
  const ReferenceRuns reference = reference_runs(runs, data.points, request.recipe);
  const FlopsOfSize flops(reference.runs);
  Analysis analysis;
  add_laws(analysis, reference, request);
  analysis.precision_law =
      precision_fit(points_of_recipe(data, runs, analysis.recipe), request, analysis.why_no_precision_law);
  analysis.models = models_of(runs, data, flops, reference.has_tasks());
  mark(analysis, runs, reference);
  const Family family =
      family_of(analysis.measure, analysis.reference, analysis.score_law ? &*analysis.score_law : nullptr);
  add_densities(analysis, family, flops, request);
  add_shares(analysis, data);
  const Stream stream = Stream{std::uint64_t(request.seed)}.child("density");
  add_densing_laws(analysis, stream);
  add_meetings(analysis, data, stream.child("meeting"));
  analysis.frontier = frontier_of(analysis.models, analysis.measure);
  analysis.compression = compression_of(analysis.models, analysis.log_replicates);
  analysis.outlook =
      outlook_of(analysis.law, family, flops,
                 {request.score.value_or(typical_value(analysis)),
                  request.reference_tokens.value_or(typical_tokens(reference)), request.price_halving, request.budget});
  return analysis;
}

}  // namespace vernier::density
