// The angles of the rotary embedding by halves (Su et al., arXiv 2104.09864).
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace vernier::model::cpu {

/// Cosine and sine of every position and pair of channels, [context, half] each, computed once per shape.
std::pair<at::Tensor, at::Tensor> angles(std::int64_t context, std::int64_t half);

}  // namespace vernier::model::cpu
