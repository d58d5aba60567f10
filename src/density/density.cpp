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

/// The reference law L = E + A N^-alpha + B D^-beta.
struct Reference {
  double e, a, alpha, b, beta;

  double floor(double tokens) const { return e + b * std::pow(tokens, -beta); }
  /// N_hat of a loss; infinite at and below the floor.
  double n_hat(double loss, double tokens) const {
    const double gap = loss - floor(tokens);
    return gap > 0 ? std::pow(gap / a, -1 / alpha) : kInfinite;
  }
  bool depends_on_n() const { return a > 0 && alpha > 0; }
};

/// Where the symbols of the reference law stand in a parameter vector.
struct Places {
  std::size_t e, a, alpha, b, beta;
  Reference operator()(const std::vector<double>& values) const {
    return {values[e], values[a], values[alpha], values[b], values[beta]};
  }
};

Places places_of(const fit::FitSummary& reference) {
  const auto at = [&](const char* symbol) {
    const auto found = std::find(reference.symbols.begin(), reference.symbols.end(), symbol);
    if (found == reference.symbols.end())
      throw Error(fmt::format("the reference fit '{}' has no parameter {}; expected the law chinchilla", reference.law,
                              symbol));
    return static_cast<std::size_t>(found - reference.symbols.begin());
  };
  return {at("E"), at("A"), at("alpha"), at("B"), at("beta")};
}

/// Quantile of ascending values, linear between order statistics; infinite where either neighbour is.
double quantile(const std::vector<double>& ascending, double share) {
  const double at = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double part = at - static_cast<double>(below);
  if (part == 0) return ascending[below];
  return std::isinf(ascending[above]) ? kInfinite : ascending[below] + part * (ascending[above] - ascending[below]);
}

void set_interval(ModelDensity& model, const fit::FitSummary& reference, const Places& places) {
  std::vector<double> replicates;
  for (const auto& values : reference.bootstrap) {
    const Reference law = places(values);
    if (!law.depends_on_n()) continue;
    const double rho = law.n_hat(*model.loss, *model.compared_at) / *model.params;
    if (!std::isnan(rho)) replicates.push_back(rho);
  }
  if (replicates.size() < kFewestReplicates) {
    model.why_open = fmt::format("the reference fit has {} usable bootstrap replicates; an interval needs {}",
                                 replicates.size(), kFewestReplicates);
    return;
  }
  std::sort(replicates.begin(), replicates.end());
  const double lo = quantile(replicates, 0.05), hi = quantile(replicates, 0.95);
  if (std::isfinite(lo)) model.lo = lo;
  if (std::isfinite(hi)) model.hi = hi;
  const auto beyond = std::count(replicates.begin(), replicates.end(), kInfinite);
  if (!model.hi)
    model.why_open = fmt::format("the loss lies beyond what the reference can reach in {} of {} bootstrap replicates",
                                 beyond, replicates.size());
}

ModelDensity density_of(const law::RunPoint& point, const fit::FitSummary& reference, const Places& places,
                        const Options& options) {
  ModelDensity model;
  model.run = point.run;
  model.precision = point.precision;
  model.reference = point.precision == "baseline";
  model.params = point.params;
  model.tokens = point.tokens;
  model.loss = point.loss;
  model.compared_at = options.reference_tokens.value_or(point.tokens);
  model.bits = point.weights.rounded ? point.weights.bits : kBitsNotRounded;
  const Reference law = places(reference.values());
  if (!law.depends_on_n()) {
    model.why_absent = "the reference fit does not depend on N, so no size gives a loss";
    model.why_open = model.why_absent;
    return model;
  }
  set_interval(model, reference, places);
  const double floor = law.floor(*model.compared_at);
  if (!(point.loss > floor)) {
    model.why_absent =
        fmt::format("loss {:.6g} lies beyond what the reference can reach: E + B D^-beta = {:.6g} at D = {:.6g}",
                    point.loss, floor, *model.compared_at);
    return model;
  }
  const double n_hat = law.n_hat(point.loss, *model.compared_at);
  if (!std::isfinite(n_hat)) {
    model.why_absent = fmt::format("loss {:.6g} is so near to E + B D^-beta = {:.6g} that N_hat exceeds all numbers",
                                   point.loss, floor);
    return model;
  }
  model.n_effective = n_hat;
  model.density = n_hat / point.params;
  model.density_per_bit = *model.density * kBitsNotRounded / *model.bits;
  return model;
}

std::optional<double> share_of(const law::RunPoint& point, const fit::FitSummary* law) {
  if (law == nullptr) return std::nullopt;
  const double share = fit::n_eff_share(*law, law->values(), point);
  return std::isfinite(share) ? std::optional(share) : std::nullopt;
}

}  // namespace

std::vector<ModelDensity> densities(const std::vector<law::RunPoint>& points,
                                    const std::vector<fit::Excluded>& excluded, const fit::FitSummary& reference,
                                    const fit::FitSummary* precision_law, const Options& options) {
  const Places places = places_of(reference);
  std::vector<ModelDensity> models;
  for (const law::RunPoint& point : points) {
    models.push_back(density_of(point, reference, places, options));
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
