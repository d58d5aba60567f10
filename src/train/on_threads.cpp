#include "train/on_threads.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

namespace vernier::train {

void on_threads(int threads, std::size_t pieces, const std::function<void(std::size_t)>& work) {
  const auto wide = static_cast<std::size_t>(std::max(1, threads));
  at::set_num_threads(static_cast<int>(wide));
  const std::size_t alone = wide > 1 ? pieces / wide * wide : 0;
  std::atomic<std::size_t> next = 0;
  if (alone > 0)
    at::parallel_for(0, static_cast<std::int64_t>(wide), 1, [&](std::int64_t, std::int64_t) {
      for (std::size_t i = next++; i < alone; i = next++) work(i);
    });
  for (std::size_t i = alone; i < pieces; ++i) work(i);
}

}  // namespace vernier::train
