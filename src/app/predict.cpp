// vernier predict FIT.json: the loss that a fitted law expects of a run, with its interval.
#include <spdlog/spdlog.h>

#include <cmath>
#include <memory>

#include "app/verbs.h"
#include "base/check.h"
#include "fit/labels.h"
#include "fit/parts.h"
#include "fit/select.h"
#include "fit/surface.h"
#include "law/invert.h"

namespace vernier::app {
namespace {

using law::Target;

struct Request {
  std::string file, law, post;
  double params = 0, tokens = 0, group = 128;
  std::optional<double> loss_before, task_loss;
  std::vector<std::string> precision;
  bool json = false;
};

struct Prediction {
  fit::Interval loss;
  std::optional<double> n_eff, d_crit;  ///< absent for laws that have none
  bool diverges = false;                ///< the precision lies outside the law, as where a factor is not above zero
  std::string why;                      ///< it does
};

struct Asked {
  NumbersSpec numbers;
  std::string forward, backward;  ///< labels of the fit, for formats that are known by name alone
};

/// "int4/channel" for weights, activations, keys and values, or "weights=int4/channel,kv=int4,gradients=int8".
Asked asked_of(const std::vector<std::string>& texts) {
  Asked asked;
  NumbersSpec& numbers = asked.numbers;
  const std::map<std::string, std::string*> parts{
      {"weights", &numbers.weights},     {"activations", &numbers.activations}, {"kv", &numbers.kv},
      {"attention", &numbers.attention}, {"gradients", &numbers.gradients},     {"forward", &asked.forward},
      {"backward", &asked.backward}};
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      numbers.weights = numbers.activations = numbers.kv = text;
      continue;
    }
    const auto part = parts.find(text.substr(0, equals));
    if (part == parts.end())
      throw Error(
          fmt::format("--precision: expected weights=, activations=, kv=, attention=, gradients=, forward= or "
                      "backward=, got '{}'",
                      text));
    *part->second = text.substr(equals + 1);
  }
  return asked;
}

law::RunPoint point_of(const Request& request) {
  const Asked asked = asked_of(request.precision);
  law::RunPoint point;
  point.params = request.params;
  point.tokens = request.tokens;
  const fit::ElementsPerScale elements{request.group, request.group};
  fit::describe(point, asked.numbers);
  point.weights = fit::part_of(asked.numbers.weights, elements);
  point.activations = fit::part_of(asked.numbers.activations, elements);
  point.kv = fit::part_of(asked.numbers.kv, elements);
  if (!asked.forward.empty()) point.forward = asked.forward;
  if (!asked.backward.empty()) point.backward = asked.backward;
  if (!asked.forward.empty() && point.precision == fit::kBaseline) point.precision = asked.forward;
  if (!asked.backward.empty() && point.precision == fit::kBaseline) point.precision = asked.backward;
  if (!request.post.empty()) point.post = fit::part_of(request.post);
  point.loss_before = request.loss_before.value_or(law::kUnknown);
  point.task_loss = request.task_loss.value_or(law::kUnknown);
  return point;
}

void check(const Request& request, const fit::FitSummary& law) {
  Problems problems;
  const Target target = fit::target_of(law.law);
  if (target != Target::TaskScore) {
    expect_positive(problems, "--params", request.params);
    expect_positive(problems, "--tokens", request.tokens);
  } else if (!request.task_loss) {
    problems.push_back(fmt::format("{}: expected --task-loss, the conditional loss of the right answers", law.law));
  }
  if (!(request.group > 1))
    problems.push_back(fmt::format("--group: expected more than 1 element per scale, got {}", request.group));
  if (request.loss_before) expect_positive(problems, "--loss-before", *request.loss_before);
  if (target == Target::PostTraining) {
    if (request.post.empty())
      problems.push_back(
          fmt::format("{}: expected --post NUMBER, that of the weights quantized after training", law.law));
    if (law.base.empty() && !request.loss_before)
      problems.push_back(
          fmt::format("{}: expected --loss-before L, or a fit of chinchilla or kumar_joint in the same "
                      "file (vernier fit --law all)",
                      law.law));
  } else if (!request.post.empty() || request.loss_before) {
    problems.push_back(
        fmt::format("--post, --loss-before: law {} says nothing of quantization after training", law.law));
  }
  refuse_if(problems);
}

void check_labels(const fit::FitSummary& law, const law::RunPoint& point) {
  Problems problems;
  for (const auto& label : fit::unknown_labels(law, point)) problems.push_back("--precision: " + label);
  if (!law.base.empty())
    for (const auto& label : fit::unknown_labels(law.base.front(), point)) problems.push_back("--precision: " + label);
  refuse_if(problems);
}

/// The point with the loss before quantization that its base law expects, unless that is known.
law::RunPoint with_loss_before(const fit::FitSummary& law, law::RunPoint point) {
  if (fit::target_of(law.law) != Target::PostTraining || std::isfinite(point.loss_before) || law.base.empty())
    return point;
  law::RunPoint trained = point;
  trained.post = {};
  point.loss_before = loss(law.base.front(), law.base.front().values(), trained);
  return point;
}

double predicted(const fit::FitSummary& law, const std::vector<double>& parameters, const law::RunPoint& point) {
  return loss(law, parameters, with_loss_before(law, point));
}

std::optional<double> if_finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

Prediction predict(const fit::FitSummary& law, const law::RunPoint& point) {
  Prediction result;
  result.loss.value = predicted(law, law.values(), point);
  result.diverges = !std::isfinite(result.loss.value);
  if (result.diverges) {
    result.why = fit::why_outside(law.law, point);
    return result;
  }
  if (fit::target_of(law.law) != Target::TaskScore) {
    result.n_eff = if_finite(point.params * n_eff_share(law, law.values(), point));
    result.d_crit = law::d_crit(surface_of(law, law.values(), point), point.params);
  }
  std::vector<double> sample;
  for_each_replicate(law, [&](const fit::FitSummary& varied, const std::vector<double>& replicate) {
    if (const auto value = if_finite(predicted(varied, replicate, point))) sample.push_back(*value);
  });
  if (const auto range = fit::interval_90(sample)) std::tie(result.loss.lo, result.loss.hi) = *range;
  return result;
}

std::string_view what_it_predicts(Target target) {
  switch (target) {
    case Target::PostTraining:
      return "loss after quantization";
    case Target::TaskLoss:
      return "conditional loss of the right answers";
    case Target::TaskScore:
      return "share of right answers";
    case Target::Loss:
      break;
  }
  return "loss";
}

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

void print_json(const fit::FitSummary& law, const Prediction& found) {
  const Json json = {{"loss", found.diverges ? Json(nullptr) : Json(found.loss.value)},
                     {"lo", number_or_null(found.loss.lo)},
                     {"hi", number_or_null(found.loss.hi)},
                     {"n_eff", number_or_null(found.n_eff)},
                     {"d_crit", number_or_null(found.d_crit)},
                     {"law", law.law},
                     {"predicts", what_it_predicts(fit::target_of(law.law))},
                     {"diverges", found.diverges},
                     {"why", found.diverges ? Json(found.why) : Json(nullptr)}};
  fmt::print("{}\n", json.dump());
}

void print_text(const fit::FitSummary& law, const Prediction& found) {
  if (found.diverges) {
    fmt::print("{}: this precision lies outside the law: {}\n", law.law, found.why);
    return;
  }
  const Target target = fit::target_of(law.law);
  fmt::print("{}: {} {:.6g}{}", law.law, what_it_predicts(target), found.loss.value,
             target == Target::TaskScore ? "" : " nats per token");
  if (found.loss.lo) fmt::print(" ({:.6g} to {:.6g} with 90 %)", *found.loss.lo, *found.loss.hi);
  if (found.n_eff) fmt::print(", effective parameters {:.6g}", *found.n_eff);
  if (found.d_crit) fmt::print(", more than {:.4g} tokens make it worse", *found.d_crit);
  fmt::print("\n");
}

void execute(const Request& request) {
  const auto law = fit::read_fit_with_base(request.file, request.law);
  check(request, law);
  const law::RunPoint point = point_of(request);
  check_labels(law, point);
  if (fit::target_of(law.law) == Target::PostTraining && law.base.empty())
    spdlog::warn("{}: the fit holds no law of the loss before quantization, so D_crit is not known", law.law);
  const Prediction found = predict(law, point);
  request.json ? print_json(law, found) : print_text(law, found);
}

}  // namespace

void add_predict(CLI::App& program) {
  auto request = std::make_shared<Request>();
  CLI::App* verb = program.add_subcommand("predict", "Loss that a fit expects for given N, D and precision");
  verb->add_option("fit", request->file, "output of vernier fit --json")->required();
  verb->add_option("--params", request->params, "N");
  verb->add_option("--tokens", request->tokens, "D");
  verb->add_option("--precision", request->precision,
                   "a number for all parts, or weights=...,activations=...,kv=...,gradients=...")
      ->delimiter(',');
  verb->add_option("--post", request->post, "number of the weights quantized after training");
  verb->add_option("--loss-before", request->loss_before, "loss before that quantization; else the base law's");
  verb->add_option("--task-loss", request->task_loss, "conditional loss of the right answers, for densing_score");
  verb->add_option("--group", request->group, "elements per scale where the number string does not say it");
  verb->add_option("--law", request->law, "which of several fits");
  verb->add_flag("--json", request->json, "machine-readable output");
  verb->callback([request] { execute(*request); });
}

}  // namespace vernier::app
