#include "density/density.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fit/fit.h"

namespace vernier::density {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kBitsNotRounded = 16;  ///< of a weight that is not rounded, as in C = 6 N D P/16
constexpr std::size_t kFewestReplicates = 10;

/// Quantile of ascending values, linear between order statistics; infinite where either neighbour is.
double quantile(const std::vector<double>& ascending, double share) {
  const double at = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double part = at - static_cast<double>(below);
  if (part == 0) return ascending[below];
  if (std::isinf(ascending[below])) return ascending[below];
  if (std::isinf(ascending[above])) return ascending[above];
  return ascending[below] + part * (ascending[above] - ascending[below]);
}

std::string why_one_sided(const ModelDensity& model, const std::vector<double>& log_rho) {
  std::string why;
  const auto say = [&](double limit, const std::string& where) {
    const auto count = std::count(log_rho.begin(), log_rho.end(), limit);
    why += fmt::format("{}the {} lies {} in {} of {} bootstrap replicates", why.empty() ? "" : "; ",
                       row_of(model.measure).words, where, count, log_rho.size());
  };
  if (!model.hi) say(kInfinite, "beyond what the reference can reach");
  if (!model.lo) say(-kInfinite, "at or below chance");
  return why;
}

void set_interval(ModelDensity& model, const std::vector<double>& log_rho) {
  if (log_rho.size() < kFewestReplicates) {
    model.why_open = fmt::format("the reference fit has {} usable bootstrap replicates; an interval needs {}",
                                 log_rho.size(), kFewestReplicates);
    return;
  }
  std::vector<double> rho;
  for (const double value : log_rho) rho.push_back(std::exp(value));
  const Ends ends = ends_of(std::move(rho));
  model.lo = ends.lo && *ends.lo > 0 ? ends.lo : std::nullopt;  // e^-infinity
  model.hi = ends.hi;
  model.why_open = why_one_sided(model, log_rho);
}

std::optional<double> share_of(const law::RunPoint& point, const fit::FitSummary* law) {
  if (law == nullptr) return std::nullopt;
  const double share = fit::n_eff_share(*law, law->values(), point);
  return std::isfinite(share) ? std::optional(share) : std::nullopt;
}

}  // namespace

ModelDensity model_of(const law::RunPoint& point) {
  const auto known = [](double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; };
  ModelDensity model;
  model.run = point.run;
  model.precision = point.precision;
  model.reference = point.precision == "baseline";
  model.params = point.params;
  model.tokens = point.tokens;
  model.loss = point.loss;
  model.score = known(point.task_accuracy), model.score_se = known(point.task_accuracy_se);
  model.task_loss = known(point.task_loss), model.task_loss_se = known(point.task_loss_se);
  model.bits = point.weights.rounded ? point.weights.bits : kBitsNotRounded;
  return model;
}

std::optional<double> measured_of(const ModelDensity& model, Measure measure) {
  if (measure == Measure::Score) return model.score;
  return measure == Measure::TaskLoss ? model.task_loss : model.loss;
}

double standard_error_of(const ModelDensity& model, Measure measure) {
  if (measure == Measure::Loss) return 0;
  return (measure == Measure::Score ? model.score_se : model.task_loss_se).value_or(0);
}

Ends ends_of(std::vector<double> values) {
  if (values.size() < kFewestReplicates) return {};
  std::sort(values.begin(), values.end());
  const double lo = quantile(values, 0.05), hi = quantile(values, 0.95);
  return {std::isfinite(lo) ? std::optional(lo) : std::nullopt, std::isfinite(hi) ? std::optional(hi) : std::nullopt};
}

LogDensities set_density(ModelDensity& model, const Family& family, std::optional<double> reference_tokens,
                         const Stream& noise) {
  const double measured = measured_of(model, family.measure).value(), params = model.params.value();
  const double tokens = reference_tokens.value_or(model.tokens.value());
  model.measure = family.measure;
  model.compared_at = tokens;
  if (!family.best.size.depends_on_n()) {
    model.why_absent = "the reference fit does not depend on N, so no size gives a loss";
    model.why_open = model.why_absent;
    return {};
  }
  const double error = standard_error_of(model, family.measure);
  LogDensities log_rho;
  for (const Reference& replicate : family.replicates) {
    const double drawn = measured + (error > 0 ? error * noise.normals(log_rho.all.size())[0] : 0);
    log_rho.all.push_back(log_n_hat(replicate, drawn, tokens) - std::log(params));
    log_rho.of_reference.push_back(log_n_hat(replicate, measured, tokens) - std::log(params));
  }
  set_interval(model, log_rho.all);
  model.why_absent = why_no_size(family.best, family.measure, measured, tokens);
  const double log_n = log_n_hat(family.best, measured, tokens);
  if (std::isinf(log_n)) model.beyond = log_n > 0 ? 1 : -1;
  if (!model.why_absent.empty()) return log_rho;
  model.n_effective = std::exp(log_n);
  model.density = *model.n_effective / params;
  model.density_per_bit = *model.density * kBitsNotRounded / *model.bits;
  if (model.stored_bits) model.density_per_stored_bit = *model.density * kBitsNotRounded / *model.stored_bits;
  return log_rho;
}

std::vector<ModelDensity> densities(const std::vector<law::RunPoint>& points,
                                    const std::vector<fit::Excluded>& excluded, const fit::FitSummary& reference,
                                    const fit::FitSummary* precision_law, const Options& options) {
  const Family family = family_of(Measure::Loss, reference, nullptr);
  std::vector<ModelDensity> models;
  for (const law::RunPoint& point : points) {
    models.push_back(model_of(point));
    set_density(models.back(), family, options.reference_tokens, Stream(0));
    models.back().n_eff_precision_law = share_of(point, precision_law);
  }
  for (const fit::Excluded& run : excluded) {
    ModelDensity& model = models.emplace_back();
    model.run = run.run;
    model.why_absent = model.why_open = run.why;
  }
  return models;
}

}  // namespace vernier::density
