#include "train/on_threads.h"

#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace vernier::train {

void on_threads(int threads, std::size_t pieces, const std::function<void(std::size_t)>& work) {
  const std::size_t workers = std::min<std::size_t>(pieces, static_cast<std::size_t>(threads));
  at::set_num_threads(pieces == 0 ? 1 : std::max(1, threads / static_cast<int>(std::max<std::size_t>(workers, 1))));
  if (workers <= 1) {
    for (std::size_t i = 0; i < pieces; ++i) work(i);
    return;
  }
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto worker = [&] {
    for (std::size_t i = next++; i < pieces; i = next++) try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < workers; ++i) others.emplace_back(worker);
  worker();
  others.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace vernier::train
