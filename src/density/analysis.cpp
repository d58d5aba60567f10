#include "density/analysis.h"

#include <algorithm>
#include <limits>
#include <map>

#include "fit/fit.h"

namespace vernier::density {

namespace {

constexpr const char* kDefaultRecipe = "2024-wsd";
constexpr std::array kPrecisionLaws{"kumar_weights", "kumar_tied", "kumar_joint"};

using RunsById = std::map<std::string, const StoredRun*>;

bool is_reference(const law::RunPoint& point) { return point.precision == "baseline"; }

std::string reference_recipe(const std::vector<law::RunPoint>& points, const RunsById& runs, const std::string& asked) {
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

/// Less is better: hold-out error, then AIC.
std::pair<double, double> rank(const fit::FitSummary& fit) {
  constexpr double unknown = std::numeric_limits<double>::infinity();
  return {fit.holdout ? fit.holdout->rms_log.value_or(unknown) : unknown, fit.aic};
}

/// The named law, or the best of those that can be fitted; without one `why` lists what hindered each.
std::optional<fit::FitSummary> precision_fit(const std::vector<law::RunPoint>& points, const Request& request,
                                             std::string& why) {
  std::vector<std::string> laws(kPrecisionLaws.begin(), kPrecisionLaws.end());
  if (!request.law.empty()) laws = {request.law};
  if (std::all_of(points.begin(), points.end(), is_reference)) {
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
  if (best) why.clear();
  return best;
}

std::vector<DatedDensity> dated(const std::vector<ModelDensity>& models, const RunsById& runs) {
  std::vector<DatedDensity> list;
  for (const ModelDensity& model : models)
    if (model.density)
      list.push_back({.date = runs.at(model.run)->record.recipe_date, .run = model.run, .density = *model.density});
  return list;
}

}  // namespace

Analysis analyse(const std::vector<StoredRun>& runs, const std::vector<store::Broken>& broken, const Request& request) {
  if (runs.empty())
    throw Error(fmt::format("the store holds no complete run ({} broken); expected at least one", broken.size()));
  const fit::Data data = fit::points_from_runs(runs);
  RunsById by_id;
  for (const StoredRun& run : runs) by_id[run.id] = &run;
  Analysis analysis;
  analysis.recipe = reference_recipe(data.points, by_id, request.recipe);
  std::vector<law::RunPoint> family, unrounded;
  for (const law::RunPoint& point : data.points) {
    if (by_id.at(point.run)->spec.recipe != analysis.recipe) continue;
    family.push_back(point);
    if (is_reference(point)) unrounded.push_back(point);
  }
  fit::FitOptions options;
  options.bootstrap = request.bootstrap;
  options.seed = request.seed;
  analysis.reference = fit::fit("chinchilla", unrounded, options);
  analysis.precision_law = precision_fit(family, request, analysis.why_no_precision_law);
  std::vector<fit::Excluded> excluded = data.excluded;
  for (const store::Broken& folder : broken) excluded.push_back({folder.folder, "broken: " + folder.why});
  analysis.models =
      densities(data.points, excluded, analysis.reference, analysis.precision_law ? &*analysis.precision_law : nullptr,
                {.reference_tokens = request.reference_tokens});
  analysis.law = densing_law(dated(analysis.models, by_id));
  return analysis;
}

Json to_json(const Analysis& analysis, const Request& request) {
  const fit::FitSummary* law = analysis.precision_law ? &*analysis.precision_law : nullptr;
  Json object = to_json(analysis.models, analysis.law, analysis.reference, law);
  object["reference_recipe"] = analysis.recipe;
  object["compared_at"] = request.reference_tokens ? Json(*request.reference_tokens) : Json("own tokens");
  object["why_no_precision_law"] =
      analysis.why_no_precision_law.empty() ? Json(nullptr) : Json(analysis.why_no_precision_law);
  return object;
}

}  // namespace vernier::density
