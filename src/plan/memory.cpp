#include "plan/memory.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "record/footprint.h"
#include "record/recipe.h"

namespace vernier::plan {

namespace {

constexpr std::int64_t kFloat = 4, kStates = 3;  // weights, first and second moment

/// The most members that cool down in one branch.
std::int64_t most_cooling(const Cohort& cohort) {
  std::int64_t most = 0;
  for (std::size_t h = 0; h < cohort.horizons.size(); ++h)
    most =
        std::max(most, static_cast<std::int64_t>(std::count_if(cohort.runs.begin(), cohort.runs.end(),
                                                               [h](const auto& runs) { return runs[h].has_value(); })));
  return most;
}

std::int64_t largest_step(const Cohort& cohort, bool recompute) {
  std::int64_t largest = 0;
  for (const Member& member : cohort.members)
    largest = std::max(largest, step_bytes(architecture_of(cohort.recipe), cohort.shape, cohort.training.batch,
                                           member.numbers, cohort.exact, recompute));
  return largest;
}

/// The number behind a key of a file of "key: value" or "key value" lines.
std::optional<std::int64_t> number_behind(const char* file, const std::string& key) {
  std::ifstream lines(file);
  std::string word;
  std::int64_t value = 0;
  for (std::string line; lines >> word; std::getline(lines, line))
    if (word == key && lines >> value) return value;
  return std::nullopt;
}

/// A file of one number; absent too where it says "max".
std::optional<std::int64_t> number_in(const char* file) {
  std::ifstream stream(file);
  std::int64_t value = 0;
  return stream >> value ? std::optional(value) : std::nullopt;
}

/// What the control group leaves; its cache of files that are not in use gives way.
std::optional<std::int64_t> left_by_control_group() {
  const auto limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  if (!limit || !used) return std::nullopt;
  return *limit - *used + number_behind("/sys/fs/cgroup/memory.stat", "inactive_file").value_or(0);
}

}  // namespace

std::int64_t peak_bytes(const Cohort& cohort, std::int64_t members, const Resources& resources, bool recompute) {
  const auto floats = static_cast<std::int64_t>(parameters_of(architecture_of(cohort.recipe), cohort.shape).total());
  const std::int64_t state = kStates * kFloat * floats, cooling = std::min(members, most_cooling(cohort));
  const std::int64_t working = resources.stacked ? members : std::min(members, resources.workers);
  const std::int64_t stacked = resources.stacked ? members * state : 0;
  constexpr std::int64_t kToken = 8;
  return state * (members + cooling) + stacked + working * (largest_step(cohort, recompute) + kFloat * floats) +
         kToken * cohort.validation_tokens;
}

std::optional<std::int64_t> memory_available() {
  const auto kilobytes = number_behind("/proc/meminfo", "MemAvailable:");
  if (!kilobytes) return left_by_control_group();
  return std::min(1024 * *kilobytes, left_by_control_group().value_or(1024 * *kilobytes));
}

}  // namespace vernier::plan
