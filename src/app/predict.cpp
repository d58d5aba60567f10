// vernier predict FIT.json: the loss that a fitted law expects of a run, with its interval.
#include <cmath>
#include <memory>

#include "app/verbs.h"
#include "base/check.h"
#include "fit/fit.h"
#include "fit/labels.h"
#include "fit/parts.h"

namespace vernier::app {
namespace {

struct Request {
  std::string file, law;
  double params = 0, tokens = 0;
  std::vector<std::string> precision;
  bool json = false;
};

struct Prediction {
  fit::Interval loss;
  double n_eff = 0;
  bool diverges = false;  ///< a factor of the law is not above zero
};

/// "int4/channel" for all three parts, or "weights=int4/channel,kv=int4".
NumbersSpec numbers_of(const std::vector<std::string>& texts) {
  NumbersSpec numbers;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    const std::string part = text.substr(0, equals);
    if (equals == std::string::npos)
      numbers.weights = numbers.activations = numbers.kv = text;
    else if (part == "weights")
      numbers.weights = text.substr(equals + 1);
    else if (part == "activations")
      numbers.activations = text.substr(equals + 1);
    else if (part == "kv")
      numbers.kv = text.substr(equals + 1);
    else
      throw Error(fmt::format("--precision: expected weights=, activations= or kv=, got '{}'", text));
  }
  return numbers;
}

void check_precision(const fit::FitSummary& law, const law::RunPoint& point) {
  std::vector<std::string> known;
  for (const auto& [symbol, label] : law.labels) known.push_back(label);
  if (known.empty() || point.precision == fit::kBaseline || !fit::matching_label(known, point).empty()) return;
  throw Error(fmt::format("--precision: the fit of {} knows no constant for '{}'; it has {}", law.law, point.precision,
                          fmt::join(known, ", ")));
}

Prediction predict(const fit::FitSummary& law, const law::RunPoint& point) {
  Prediction result;
  result.loss.value = loss(law, law.values(), point);
  result.n_eff = point.params * n_eff_share(law, law.values(), point);
  result.diverges = !std::isfinite(result.loss.value);
  std::vector<double> sample;
  for (const auto& replicate : law.bootstrap)
    if (const double value = loss(law, replicate, point); std::isfinite(value)) sample.push_back(value);
  if (const auto range = fit::interval_90(sample)) std::tie(result.loss.lo, result.loss.hi) = *range;
  return result;
}

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

void print_json(const fit::FitSummary& law, const Prediction& found) {
  const auto unless_diverging = [&](const std::optional<double>& value) {
    return found.diverges ? Json(nullptr) : number_or_null(value);
  };
  const Json json = {{"loss", unless_diverging(found.loss.value)},
                     {"lo", unless_diverging(found.loss.lo)},
                     {"hi", unless_diverging(found.loss.hi)},
                     {"n_eff", unless_diverging(found.n_eff)},
                     {"d_crit", nullptr},
                     {"law", law.law},
                     {"diverges", found.diverges}};
  fmt::print("{}\n", json.dump());
}

void print_text(const fit::FitSummary& law, const Prediction& found) {
  if (found.diverges) {
    fmt::print("{}: this precision lies outside the law: expect training to diverge\n", law.law);
    return;
  }
  fmt::print("{}: loss {:.6g} nats per token", law.law, found.loss.value);
  if (found.loss.lo) fmt::print(" ({:.6g} to {:.6g} with 90 %)", *found.loss.lo, *found.loss.hi);
  fmt::print(", effective parameters {:.6g}\n", found.n_eff);
}

void execute(const Request& request) {
  Problems problems;
  expect_positive(problems, "--params", request.params);
  expect_positive(problems, "--tokens", request.tokens);
  refuse_if(problems);
  const auto law = fit::read_fit(request.file, request.law);
  const NumbersSpec numbers = numbers_of(request.precision);
  law::RunPoint point;
  point.params = request.params;
  point.tokens = request.tokens;
  fit::describe(point, numbers);
  check_precision(law, point);
  const Prediction found = predict(law, point);
  request.json ? print_json(law, found) : print_text(law, found);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = program.add_subcommand("predict", "Loss that a fit expects for given N, D and precision");
  verb->add_option("fit", request->file, "output of vernier fit --json")->required();
  verb->add_option("--params", request->params, "N")->required();
  verb->add_option("--tokens", request->tokens, "D")->required();
  verb->add_option("--precision", request->precision, "a number for all parts, or weights=...,activations=...,kv=...")
      ->delimiter(',');
  verb->add_option("--law", request->law, "which of several fits");
  verb->add_flag("--json", request->json, "machine-readable output");
  verb->callback([request] { execute(*request); });
}

}  // namespace vernier::app
