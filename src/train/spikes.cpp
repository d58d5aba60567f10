#include "train/spikes.h"

#include <algorithm>
#include <cmath>

namespace vernier::train {

namespace {

constexpr double kLeast = 0.5;        // [nats per token]
constexpr double kDeviations = 6;     // robust ones
constexpr double kGaussian = 1.4826;  // standard deviation of a Gaussian over its median absolute deviation

using Window = std::array<double, SpikeWatch::kWindow>;

double median_of(Window values) {
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double threshold_over(const Window& losses, double median) {
  Window distances;
  std::transform(losses.begin(), losses.end(), distances.begin(), [&](double x) { return std::abs(x - median); });
  return std::max(kLeast, kDeviations * kGaussian * median_of(distances));
}

}  // namespace

std::optional<Spike> spike_at(SpikeWatch& watch, std::int64_t step, double loss) {
  if (!std::isfinite(loss)) return std::nullopt;
  const bool was_inside = watch.inside;
  double above = 0;
  if (watch.seen >= SpikeWatch::kWindow) {
    const double median = median_of(watch.losses);
    above = loss - median;
    watch.inside = above > kLeast && above > threshold_over(watch.losses, median);
  }
  watch.losses[watch.seen++ % SpikeWatch::kWindow] = loss;
  return watch.inside && !was_inside ? std::optional(Spike{step, loss, above}) : std::nullopt;
}

}  // namespace vernier::train
