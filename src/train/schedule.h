// The learning rate of every step. Warmup-stable-decay is a trunk at constant rate, and branches that cool down from
// it; record/training_choices.h says which other schedules can share a trunk.
#pragma once

#include <cstdint>

#include "record/run_spec.h"

namespace vernier::train {

/// Learning rate of a trunk's step, counted from 0: linear from 0 over the warm-up, then constant.
double trunk_rate(double top, std::int64_t step, std::int64_t warmup_steps);

/// Learning rate of step `step` of a branch that left the trunk before step `leave` and ends before step `end`:
/// top (1 - sqrt((step - leave) / (end - leave))) (Haegele et al., arXiv 2405.18392, section 3).
double branch_rate(double top, std::int64_t step, std::int64_t leave, std::int64_t end);

/// Learning rate of step s, counted from 0, of a run of `total_steps`. Every schedule rises to `top` linearly over the
/// warm-up w; then, with progress p = (s - w) / (total - w) and the final rate f as a share of the top,
///
///   wsd           top, and branch_rate over the cool-down
///   cosine        top (f + (1 - f) (1 + cos(pi p)) / 2)       (Loshchilov and Hutter, arXiv 1608.03983, eq. 5)
///   linear        top (f + (1 - f) (1 - p))
///   inverse-sqrt  top sqrt(w / (s + 1))                       (Vaswani et al., arXiv 1706.03762, eq. 3)
double rate_at(const TrainingSpec& training, double top, std::int64_t step, std::int64_t warmup_steps,
               std::int64_t total_steps);

}  // namespace vernier::train
