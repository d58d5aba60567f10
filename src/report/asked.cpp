#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "plan/grid.h"
#include "plan/hypotheses.h"
#include "report/report.h"

namespace vernier::report {
namespace {

std::pair<std::string, std::string> sides(const std::string& text, const char* key) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    throw Error(fmt::format("fit.{}: expected two sides around '=', got '{}'", key, text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

double number(const std::string& text, const char* key) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    throw Error(fmt::format("fit.{}: expected a number after '=', got '{}'", key, text));
  return value;
}

}  // namespace

Asked asked_by(const plan::Experiment& experiment) {
  Asked asked;
  asked.experiment = experiment.name;
  asked.question = experiment.question;
  asked.recipe = experiment.recipe;
  asked.laws = experiment.fit.laws;
  auto& options = asked.options;
  options.huber_delta = experiment.fit.huber_delta;
  options.starts = experiment.fit.starts;
  options.bootstrap = experiment.fit.bootstrap;
  options.seed = experiment.fit.seed;
  options.holdout = experiment.fit.holdout == "none" ? "" : experiment.fit.holdout;
  for (const auto& text : experiment.fit.tie) options.ties.push_back(sides(text, "tie"));
  for (const auto& text : experiment.fit.fix) {
    const auto [symbol, value] = sides(text, "fix");
    options.fix[symbol] = number(value, "fix");
  }
  asked.hypotheses = plan::hypotheses_of(experiment);
  if (experiment.opened) {
    asked.planned = plan::runs_of(experiment);
    asked.corpus_digest = experiment.corpus_digest;
  }
  return asked;
}

}  // namespace vernier::report
