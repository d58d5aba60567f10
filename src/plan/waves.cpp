#include "plan/waves.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/size_text.h"

namespace vernier::plan {

namespace {

constexpr double kShareOfFree = 0.8;  // what is not counted needs room too: the corpus, the program, the system
constexpr double kClearlyFaster =
    1.1;  // below that, a short measurement says nothing, and more waves make more batches

std::int64_t members_of(const Cohort& cohort) { return static_cast<std::int64_t>(cohort.members.size()); }

struct Pick {
  std::int64_t members;
  std::string why;
};

std::string why_largest(std::int64_t largest, const Cohort& cohort, const Resources& resources) {
  return largest == members_of(cohort)
             ? "all fit into the free memory"
             : fmt::format("as many as fit into {} of free memory", size_text(static_cast<double>(resources.bytes)));
}

Pick pick_of(const std::vector<std::int64_t>& sizes, const Cohort& cohort, const Resources& resources,
             const SpeedOf& speed) {
  Pick pick{sizes.back(), why_largest(sizes.back(), cohort, resources)};
  const auto rate_of = [&](std::int64_t members) { return speed ? speed(members) : std::nullopt; };
  const auto most = rate_of(sizes.back());
  if (!most) return pick;
  double best = *most * kClearlyFaster;
  for (const std::int64_t size : sizes) {
    const auto rate = rate_of(size);
    if (size == sizes.back() || !rate || *rate <= best) continue;
    best = *rate;
    pick = {size, fmt::format("measured: {:.0f} tokens/s, {} at a time {:.0f}", best, sizes.back(), *most)};
  }
  return pick;
}

}  // namespace

std::vector<std::int64_t> wave_sizes(std::int64_t members) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = 1; size < members; size *= 2) sizes.push_back(size);
  sizes.push_back(members);
  return sizes;
}

std::vector<std::int64_t> sizes_that_fit(const Cohort& cohort, const Resources& resources, bool recompute) {
  auto sizes = wave_sizes(members_of(cohort));
  const auto room = static_cast<std::int64_t>(kShareOfFree * static_cast<double>(resources.bytes));
  std::erase_if(sizes, [&](std::int64_t size) { return peak_bytes(cohort, size, resources, recompute) > room; });
  if (!resources.stacked && !sizes.empty()) {  // fewer members than threads leave threads idle
    const std::int64_t fewest = std::min(resources.workers, sizes.back());
    std::erase_if(sizes, [&](std::int64_t size) { return size < fewest; });
  }
  return sizes;
}

Waves waves_of(const Cohort& cohort, const Resources& resources, const SpeedOf& speed) {
  Waves waves;
  auto sizes = sizes_that_fit(cohort, resources, false);
  waves.recompute = sizes.empty();
  if (waves.recompute) sizes = sizes_that_fit(cohort, resources, true);
  waves.fits = !sizes.empty();
  if (!waves.fits) sizes = {1};
  const Pick pick = pick_of(sizes, cohort, resources, speed);
  waves.count = (members_of(cohort) + pick.members - 1) / pick.members;
  waves.members = (members_of(cohort) + waves.count - 1) / waves.count;  // waves of one size finish together
  waves.why = waves.fits ? pick.why : "not even one fits into the free memory";
  waves.bytes = peak_bytes(cohort, waves.members, resources, waves.recompute);
  return waves;
}

std::string text_of(const Waves& waves, std::int64_t members) {
  return fmt::format("{} of {} members at a time ({}), {}{}", waves.members, members, waves.why,
                     size_text(static_cast<double>(waves.bytes)),
                     waves.recompute ? ", activations computed again in the backward pass" : "");
}

}  // namespace vernier::plan
