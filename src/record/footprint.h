// Memory that training takes beside the weights.
#pragma once

#include <cstdint>

#include "record/architecture.h"
#include "record/run_spec.h"

namespace vernier {

/// Bytes of one worker while it trains a batch of `batch` sequences of one member: activations that the backward pass
/// needs of every block (under `recompute` of one block, and every block's input), gradients, prepared weights. What
/// the fused step on a CPU takes (model/cpu/step.h) but for partial sums and rounding up; for an architecture that it
/// does not know, about what autograd takes, which computes nothing twice. Tests compare both.
///
/// exact    operands of products are kept in fp32, not in a carrier of two bytes
std::int64_t step_bytes(const Architecture& architecture, const ShapeSpec& shape, std::int64_t batch,
                        const NumbersSpec& numbers, bool exact, bool recompute);

}  // namespace vernier
