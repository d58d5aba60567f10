#include "fit/bootstrap.h"

#include <cmath>

namespace vernier::fit {
namespace {

/// The rows that count at all, each by its own weight too.
Sample sample_of(const Problem& problem, const std::vector<double>& times) {
  Sample sample;
  for (std::size_t row = 0; row < times.size(); ++row) {
    if (!(times[row] > 0)) continue;
    sample.rows.push_back(int(row));
    sample.weights.push_back(times[row] * problem.points()[row].weight);
  }
  return sample;
}

}  // namespace

std::vector<Replicate> bootstrap(const Problem& problem, const Setting& setting, const Search& found, double delta,
                                 const Times& times, const Stream& stream, std::int64_t threads) {
  constexpr std::size_t kKnownOptima = 2;
  constexpr std::uint64_t kFreshDraws = 2;
  constexpr int kShort = 12, kLong = 80;  // all starts go a short way, the best one on to its end
  std::vector<Descent> known{found.best};
  for (const auto& end : different(found.ends, kKnownOptima))
    if (end.objective > found.best.objective * (1 + 1e-4)) known.push_back(end);

  std::vector<Descent> best(times.size());
  in_parallel(std::int64_t(times.size()), threads, [&](std::int64_t k) {
    const Stream own = stream.child(std::uint64_t(k));
    const Sample sample = sample_of(problem, times[std::size_t(k)]);
    std::vector<Descent> starts = known;
    for (std::uint64_t j = 0; j < kFreshDraws; ++j)
      starts.push_back(draw_start(problem, setting, sample, delta, own.child("start").child(j)));
    Descent leader;
    for (const auto& start : starts) {
      if (start.theta.empty()) continue;
      const Descent end = descend(problem, setting.freedom, sample, delta, start.theta, kShort, 1e-5);
      if (end.objective < leader.objective) leader = end;
    }
    if (std::isfinite(leader.objective))
      best[std::size_t(k)] = descend(problem, setting.freedom, sample, delta, leader.theta, kLong, 1e-7);
  });
  std::vector<Replicate> replicates;
  for (std::size_t k = 0; k < best.size(); ++k)
    if (std::isfinite(best[k].objective)) replicates.push_back({std::int64_t(k), std::move(best[k].theta)});
  return replicates;
}

}  // namespace vernier::fit
