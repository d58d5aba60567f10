// How many members of a cohort are trained at the same time. The others follow in further waves; the result of a member
// does not depend on it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plan/memory.h"

namespace vernier::plan {

struct Waves {
  std::int64_t members = 0;  ///< at the same time; no wave has more
  std::int64_t count = 0;    ///< of waves
  std::int64_t bytes = 0;    ///< peak of the memory that a wave takes
  bool recompute = false;    ///< activations are computed again in the backward pass, as not even one member fits else
  bool fits = true;          ///< false: not even so
  std::string why;
};

/// Tokens per second, summed over members, where so many are trained at the same time; absent where not measured.
using SpeedOf = std::function<std::optional<double>(std::int64_t members)>;

/// Sizes of waves worth comparing: 1, 2, 4, ... and all.
std::vector<std::int64_t> wave_sizes(std::int64_t members);

/// Those that fit into a share of the free memory that leaves room for what is not counted; on a CPU none that leaves
/// threads idle, where another one fits.
std::vector<std::int64_t> sizes_that_fit(const Cohort& cohort, const Resources& resources, bool recompute);

/// The fastest of the sizes that fit and were measured; the largest that fits unless another one is clearly faster.
Waves waves_of(const Cohort& cohort, const Resources& resources, const SpeedOf& speed = {});

/// "8 of 12 at a time (...), 512 MB".
std::string text_of(const Waves& waves, std::int64_t members);

}  // namespace vernier::plan
