// Memory that training takes beside the weights.
#pragma once

#include <cstdint>

#include "record/run_spec.h"

namespace vernier {

/// Bytes of one worker's activation buffers while it trains a batch of `batch` sequences of one member: what the
/// backward pass needs of every block (of one block and every block's input under `recompute`), the logits, and
/// scratch.
///
/// exact    operands of products are kept in fp32, not in a carrier of two bytes
std::int64_t step_bytes(const ShapeSpec& shape, std::int64_t batch, const NumbersSpec& numbers, bool exact,
                        bool recompute);

}  // namespace vernier
