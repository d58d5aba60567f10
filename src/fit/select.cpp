#include "fit/select.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "fit/dispatch.h"

namespace vernier::fit {
namespace {

using law::RunPoint, law::Target;

bool is_trained(const RunPoint& point) { return !point.post.rounded; }
bool has_task_loss(const RunPoint& point) { return is_trained(point) && std::isfinite(point.task_loss); }

bool belongs(Target target, const RunPoint& point) {
  switch (target) {
    case Target::Loss:
      return is_trained(point);
    case Target::PostTraining:
      return point.post.rounded && point.loss_before > 0;
    case Target::TaskLoss:
      return has_task_loss(point);
    case Target::TaskScore:
      break;
  }
  return has_task_loss(point) && std::isfinite(point.task_accuracy);
}

double observed(Target target, const RunPoint& point) {
  if (target == Target::TaskLoss) return point.task_loss;
  return target == Target::TaskScore ? point.task_accuracy : point.loss;
}

/// The target, or the loss of trained models where no row has the conditional loss that is asked for.
Target target_on(std::string_view law, const std::vector<RunPoint>& points) {
  const Target target = target_of(law);
  const bool stands_in = target == Target::TaskLoss && std::none_of(points.begin(), points.end(), has_task_loss);
  return stands_in ? Target::Loss : target;
}

}  // namespace

Target target_of(std::string_view law) {
  return with_law(law, []<class Law>() { return law::target_of<Law>(); });
}

std::vector<RunPoint> points_for(std::string_view law, const std::vector<RunPoint>& points) {
  const Target target = target_on(law, points);
  std::vector<RunPoint> chosen;
  for (const auto& point : points) {
    if (!belongs(target, point)) continue;
    chosen.push_back(point);
    chosen.back().loss = observed(target, point);
  }
  return chosen;
}

std::vector<Excluded> without_target(std::string_view law, const std::vector<RunPoint>& points) {
  const Target target = target_on(law, points);
  std::vector<Excluded> others;
  for (const auto& point : points) {
    if (point.post.rounded != (target == Target::PostTraining) || belongs(target, point)) continue;
    const bool has_loss = target == Target::PostTraining || std::isfinite(point.task_loss);
    const char* missing = target == Target::PostTraining ? "loss_before" : has_loss ? "task_accuracy" : "task_loss";
    others.push_back({point.run, fmt::format("{} is missing", missing)});
  }
  return others;
}

std::vector<RunPoint> in_one_order(std::vector<RunPoint> points) {
  const auto key = [](const RunPoint& p) {
    return std::tie(p.params, p.tokens, p.precision, p.loss, p.weights.bits, p.activations.bits, p.kv.bits, p.method,
                    p.post.number, p.run);
  };
  std::stable_sort(points.begin(), points.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return points;
}

std::string why_outside(std::string_view law, const RunPoint& point) {
  const law::Part& part = point.weights.rounded ? point.weights : point.activations;
  const bool any = point.weights.rounded || point.activations.rounded || point.kv.rounded;
  for (const law::Part* each : {&point.weights, &point.activations, &point.kv})
    if (each->rounded && std::isnan(each->bits)) return fmt::format("the bits of '{}' are not known", each->number);
  if (law == law::Gmse::name)
    return "the error of its format on normally distributed numbers is not known; it needs the bits alone, or a format "
           "of ours and how many elements share a scale (group)";
  if (any && (law == law::FloatBits::name || law == law::QatGroup::name) && !(part.group > 1))
    return "how many elements share a scale is not known, or is one";
  if (law == law::FloatBits::name) return "its format has no exponent and mantissa bits, or they are not known";
  if (point.post.rounded && std::isnan(point.post.bits))
    return fmt::format("the bits of '{}' after training are not known", point.post.number);
  if (law == law::KumarUnified::name)
    return fmt::format("P_post = {} is above the bits of a part in training, or a factor of N is not above zero",
                       point.post.bits);
  return fmt::format("a factor of {} is not above zero at its bits", law);
}

}  // namespace vernier::fit
