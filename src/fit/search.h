// Many starts, every end kept; the best are polished.
#pragma once

#include <functional>

#include "base/stream.h"
#include "fit/freedom.h"

namespace vernier::fit {

struct Search {
  Descent best;
  std::string stop;
  std::vector<Descent> begins, ends;  ///< pairs, best end first
  std::int64_t at_best = 0;           ///< ends within 1e-6 (relative) of the best
};

/// One start: shape parameters drawn from their start ranges (uniformly on the scale of each), coefficients solved for.
/// Objective infinite when no draw lay inside the law.
Descent draw_start(const Problem& problem, const Setting& setting, const Sample& sample, double delta, Stream stream);

/// Descends from the given starts, or from `draws` draws where there are none, polishes the best different ends, then
/// the best of those with Ceres. Of many descents, those that have come very near to each other on their way to the
/// best end share it. Throws Failure where no start reached a finite objective.
Search search(const Problem& problem, const Setting& setting, const Sample& sample, double delta,
              const std::vector<std::vector<double>>& starts, std::int64_t draws, Stream stream, std::int64_t threads);

/// Calls job(k) for k in [0, count) on so many threads; what each job writes must be its own.
void in_parallel(std::int64_t count, std::int64_t threads, const std::function<void(std::int64_t)>& job);

/// The ends that differ from each other by more than 1e-4 of the objective, best first, at most `most`.
std::vector<Descent> different(const std::vector<Descent>& ends, std::size_t most);

}  // namespace vernier::fit
