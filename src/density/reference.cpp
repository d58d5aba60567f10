#include "density/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "law/invert.h"

namespace vernier::density {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// Where the symbols of a law stand in a parameter vector.
std::size_t place_of(const fit::FitSummary& fit, std::initializer_list<const char*> names, const char* expected) {
  for (const char* name : names)
    if (const auto at = std::find(fit.symbols.begin(), fit.symbols.end(), name); at != fit.symbols.end())
      return static_cast<std::size_t>(at - fit.symbols.begin());
  throw Error(fmt::format("the reference fit '{}' has no parameter {}; expected the law {}", fit.law, *names.begin(),
                          expected));
}

struct SizePlaces {
  std::size_t e, a, alpha, b, beta;

  explicit SizePlaces(const fit::FitSummary& fit)
      : e(place_of(fit, {"E"}, kLaw)),
        a(place_of(fit, {"A", "a"}, kLaw)),
        alpha(place_of(fit, {"alpha"}, kLaw)),
        b(place_of(fit, {"B", "b"}, kLaw)),
        beta(place_of(fit, {"beta"}, kLaw)) {}
  SizeLaw operator()(const std::vector<double>& values) const {
    return {values[e], values[a], values[alpha], values[b], values[beta]};
  }
  static constexpr const char* kLaw = "chinchilla or densing_loss";
};

struct ScorePlaces {
  std::size_t d, c, gamma, l;

  explicit ScorePlaces(const fit::FitSummary& fit)
      : d(place_of(fit, {"d"}, kLaw)),
        c(place_of(fit, {"c"}, kLaw)),
        gamma(place_of(fit, {"gamma"}, kLaw)),
        l(place_of(fit, {"l"}, kLaw)) {}
  ScoreLaw operator()(const std::vector<double>& values) const {
    return {values[d], values[c], values[gamma], values[l]};
  }
  static constexpr const char* kLaw = "densing_score";
};

double log_n_hat_of_loss(const SizeLaw& law, double loss, double tokens) {
  const double gap = loss - law.floor(tokens);
  if (!(gap > 0)) return kInfinite;
  const double log_n = -std::log(gap / law.a) / law.alpha;
  return log_n < law::kFarthest ? log_n : kInfinite;
}

std::string why_no_score(const ScoreLaw& law, double score) {
  const double chance = law[0], ceiling = law[0] + law[1];
  if (score <= chance)
    return fmt::format("score {:.6g} is at or below chance level d = {:.6g} of the reference", score, chance);
  if (score >= ceiling)
    return fmt::format("score {:.6g} is at or above the ceiling c + d = {:.6g} of the reference", score, ceiling);
  return "";
}

/// Row of `fit.bootstrap` by the draw that it is of.
std::map<std::int64_t, const std::vector<double>*> by_draw(const fit::FitSummary& fit) {
  std::map<std::int64_t, const std::vector<double>*> rows;
  for (std::size_t k = 0; k < fit.bootstrap.size(); ++k)
    rows[k < fit.drawn.size() ? fit.drawn[k] : std::int64_t(k)] = &fit.bootstrap[k];
  return rows;
}

}  // namespace

double log_n_hat(const Reference& reference, double measured, double tokens) {
  if (!reference.score) return log_n_hat_of_loss(reference.size, measured, tokens);
  if (measured <= (*reference.score)[0]) return -kInfinite;
  const auto loss = law::task_loss_of(*reference.score, measured);
  return loss ? log_n_hat_of_loss(reference.size, *loss, tokens) : kInfinite;
}

std::string why_no_size(const Reference& reference, Measure measure, double measured, double tokens) {
  if (std::isfinite(log_n_hat(reference, measured, tokens))) return "";
  if (reference.score)
    if (const auto why = why_no_score(*reference.score, measured); !why.empty()) return why;
  const double loss = reference.score ? *law::task_loss_of(*reference.score, measured) : measured;
  const double floor = reference.size.floor(tokens);
  const std::string what = reference.score ? fmt::format("score {:.6g}, a conditional loss of {:.6g},", measured, loss)
                                           : fmt::format("{} {:.6g}", row_of(measure).words, loss);
  if (!(loss > floor))
    return fmt::format("{} lies beyond what the reference can reach: E + B D^-beta = {:.6g} at D = {:.6g}", what, floor,
                       tokens);
  return fmt::format("{} is so near to E + B D^-beta = {:.6g} that N_hat exceeds all numbers", what, floor);
}

Family family_of(Measure measure, const fit::FitSummary& size, const fit::FitSummary* score) {
  const SizePlaces places(size);
  Family family{measure, {places(size.values()), {}}, {}};
  if (score == nullptr) {
    for (const auto& values : size.bootstrap) family.replicates.push_back({places(values), {}});
  } else {
    const ScorePlaces of_score(*score);
    family.best.score = of_score(score->values());
    const auto scores = by_draw(*score);
    for (const auto& [draw, values] : by_draw(size))
      if (const auto found = scores.find(draw); found != scores.end())
        family.replicates.push_back({places(*values), of_score(*found->second)});
  }
  std::erase_if(family.replicates, [](const Reference& replicate) { return !replicate.size.depends_on_n(); });
  return family;
}

}  // namespace vernier::density
