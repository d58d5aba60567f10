#include "sweep/alarms.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace vernier::sweep {

namespace {

std::string name_of(const plan::Cohort& cohort, const plan::Member& member) {
  return fmt::format("depth {} width {}, weights {} activations {}, rate {:.3g}, seed {}", cohort.shape.depth,
                     cohort.shape.width, member.numbers.weights, member.numbers.activations, member.learning_rate,
                     member.seed);
}

}  // namespace

Alarms::Alarms(const plan::Cohort& cohort) {
  for (const plan::Member& member : cohort.members) members_.push_back({name_of(cohort, member), {}});
}

std::optional<std::string> Alarms::seen(std::size_t member, std::int64_t step, double loss, double norm) {
  Watched& watched = members_[member];
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    if (std::exchange(watched.diverged, true)) return std::nullopt;
    return fmt::format("diverged at step {}: loss {:.4g}, gradient norm {:.4g} ({})", step, loss, norm, watched.name);
  }
  const auto spike = train::spike_at(watched.spikes, step, loss);
  if (!spike) return std::nullopt;
  return fmt::format("loss spike at step {}: {:.4f}, {:.3f} above the median of the last {} steps ({})", spike->step,
                     spike->loss, spike->above, train::SpikeWatch::kWindow, watched.name);
}

}  // namespace vernier::sweep
