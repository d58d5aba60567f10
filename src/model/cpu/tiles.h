// Rows shared out over the threads that LibTorch may use, tile by tile.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "model/cpu/linear.h"

namespace vernier::model::cpu {

inline std::int64_t tiles_of(std::int64_t rows) { return (rows + kTile - 1) / kTile; }

/// Calls `work(i)` for every i < count.
template <class Work>
void over_all(std::int64_t count, const Work& work) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) work(i);
  });
}

/// Calls `work(first row, rows)` for every tile.
template <class Work>
void over_tiles(std::int64_t rows, const Work& work) {
  over_all(tiles_of(rows), [&](std::int64_t tile) { work(tile * kTile, std::min(kTile, rows - tile * kTile)); });
}

}  // namespace vernier::model::cpu
