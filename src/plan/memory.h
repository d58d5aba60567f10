// What training takes of a machine's memory, and what the machine has.
#pragma once

#include <cstdint>
#include <optional>

#include "plan/cohorts.h"

namespace vernier::plan {

/// What a machine offers to training.
struct Resources {
  std::int64_t bytes = 0;    ///< free for training
  std::int64_t workers = 1;  ///< members that are computed at one moment: threads of a CPU
  bool stacked = false;      ///< members are stacked into batched products, all computed at one moment: a GPU
};

/// Peak of the memory that training `members` members of a cohort at the same time takes, beside the program itself.
///
///   12 P (K + K_cooling) + W (step + 4 P) + 8 V      [bytes]
///
/// P parameters, K members (weights and two moments in fp32), K_cooling those that cool down in one branch, W workers
/// (no more than K) with one step's activations (record/footprint.h) and one gradient each, V held-out tokens. Stacked
/// members are all at work at once (W = K) and their states are there a second time, stacked.
std::int64_t peak_bytes(const Cohort& cohort, std::int64_t members, const Resources& resources, bool recompute);

/// Main memory that a new program may take without swapping, what the limits of its control group leave included;
/// absent where the system does not say.
std::optional<std::int64_t> memory_available();

}  // namespace vernier::plan
