// Timing for the benchmarks.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace vernier::app {

/// Waits for what a CUDA device still has to do; nothing to do on a CPU.
void finish_work(const at::Device& device);

/// Seconds that `work` takes on the device, queued work included.
template <class Work>
double seconds_of(const at::Device& device, const Work& work) {
  finish_work(device);
  const auto begin = std::chrono::steady_clock::now();
  work();
  finish_work(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace vernier::app
