#include "model/cpu/angles.h"

#include <torch/torch.h>

#include <map>
#include <mutex>

#include "model/operations.h"

namespace vernier::model::cpu {

std::pair<at::Tensor, at::Tensor> angles(std::int64_t context, std::int64_t half) {
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, std::int64_t>, std::pair<at::Tensor, at::Tensor>> known;
  const std::lock_guard lock(mutex);
  auto& entry = known[{context, half}];
  if (!entry.first.defined()) {
    const auto rate = at::pow(kRotaryBase, -at::arange(half, at::kDouble) / static_cast<double>(half));
    const auto angle = at::arange(context, at::kDouble).unsqueeze(1) * rate;
    entry = {angle.cos().to(at::kFloat), angle.sin().to(at::kFloat)};
  }
  return entry;
}

}  // namespace vernier::model::cpu
