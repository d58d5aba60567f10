// Work spread over the threads that LibTorch may use; serial inside an outer parallel region.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace vernier::quant::cpu {

/// Calls `body(begin, end)` for ranges of elements or rows, whichever `unit` elements long, that are worth a thread.
template <class Body>
void in_ranges(std::int64_t count, std::int64_t unit, const Body& body) {
  constexpr std::int64_t kGrain = 32768;  // elements
  at::parallel_for(0, count, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(unit, 1)), body);
}

}  // namespace vernier::quant::cpu
