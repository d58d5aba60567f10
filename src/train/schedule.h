// Warmup-stable-decay: a trunk at constant rate, and branches that cool down from it.
#pragma once

#include <cstdint>

namespace vernier::train {

/// Learning rate of a trunk's step, counted from 0: linear from 0 over the warm-up, then constant.
double trunk_rate(double top, std::int64_t step, std::int64_t warmup_steps);

/// Learning rate of step `step` of a branch that left the trunk before step `leave` and ends before step `end`:
/// top (1 - sqrt((step - leave) / (end - leave))) (Haegele et al., arXiv 2405.18392, section 3).
double branch_rate(double top, std::int64_t step, std::int64_t leave, std::int64_t end);

}  // namespace vernier::train
