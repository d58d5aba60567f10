#include "density/frontier.h"

#include <algorithm>

namespace vernier::density {

std::vector<FrontierPoint> frontier_of(const std::vector<ModelDensity>& models, Measure measure) {
  std::vector<FrontierPoint> points;
  for (const ModelDensity& model : models)
    if (const auto value = measured_of(model, measure); value && model.total_bits)
      points.push_back({model.run, model.kind, model.precision, *model.total_bits, *value});
  const bool more = measure == Measure::Score;
  const auto is_better = [&](double a, double b) { return more ? a > b : a < b; };
  std::stable_sort(points.begin(), points.end(), [&](const FrontierPoint& a, const FrontierPoint& b) {
    return a.total_bits != b.total_bits ? a.total_bits < b.total_bits : is_better(a.value, b.value);
  });
  const FrontierPoint* best = nullptr;
  for (FrontierPoint& point : points) {
    point.front = best == nullptr || is_better(point.value, best->value);
    if (point.front) best = &point;
  }
  return points;
}

}  // namespace vernier::density
