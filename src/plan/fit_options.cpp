#include "plan/fit_options.h"

#include <algorithm>

#include "plan/identify.h"

namespace vernier::plan {

fit::FitOptions fit_options_of(const Experiment& experiment) {
  const FitAsked& asked = experiment.fit;
  fit::FitOptions options;
  options.bootstrap = asked.bootstrap;
  options.starts = asked.starts;
  options.seed = asked.seed;
  options.huber_delta = asked.huber_delta;
  options.holdout = asked.holdout == "none" ? "" : asked.holdout;
  for (const auto& tie : asked.tie) {
    const std::size_t equals = tie.find('=');
    options.ties.emplace_back(tie.substr(0, equals), tie.substr(equals + 1));
  }
  for (const auto& fixed : asked.fix) {
    const std::size_t equals = fixed.find('=');
    options.fix[fixed.substr(0, equals)] = std::stod(fixed.substr(equals + 1));
  }
  return options;
}

std::vector<std::string> fit_laws_of(const Experiment& experiment) {
  const auto& laws = experiment.fit.laws;
  return std::find(laws.begin(), laws.end(), "all") != laws.end() ? law_names() : laws;
}

}  // namespace vernier::plan
