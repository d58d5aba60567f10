#include "quant/hadamard.h"

#include <torch/torch.h>

#include <bit>
#include <cmath>
#include <map>
#include <mutex>

namespace vernier::quant {

namespace {

/// Sylvester's construction: entry (i, j) is (-1)^popcount(i and j) / sqrt(block). Symmetric and its own inverse.
at::Tensor hadamard(std::int64_t block) {
  const at::Tensor h = at::empty({block, block}, at::kFloat);
  const auto entry = static_cast<float>(1 / std::sqrt(static_cast<double>(block)));
  auto* at = h.data_ptr<float>();
  for (std::int64_t i = 0; i < block; ++i)
    for (std::int64_t j = 0; j < block; ++j)
      *at++ = std::popcount(static_cast<std::uint64_t>(i & j)) % 2 == 0 ? entry : -entry;
  return h;
}

at::Tensor signs_of(std::int64_t channels, const Stream& signs) {
  const at::Tensor drawn = at::empty({channels}, at::kFloat);
  for (std::int64_t c = 0; c < channels; ++c)
    drawn.data_ptr<float>()[c] = (signs.draw31(static_cast<std::uint64_t>(c)) & 1) == 0 ? 1.0F : -1.0F;
  return drawn;
}

/// What `make` gives, on a device; copied there once, as a step that is recorded may copy nothing from the host.
template <class Make>
at::Tensor kept_on(const at::Device& device, std::int64_t size, std::uint64_t key, const Make& make) {
  if (device.is_cpu()) return make();
  static std::mutex mutex;
  static std::map<std::tuple<int, std::int64_t, std::uint64_t>, at::Tensor> known;
  const std::lock_guard lock(mutex);
  at::Tensor& kept = known[{device.index(), size, key}];
  if (!kept.defined()) kept = make().to(device);
  return kept;
}

at::Tensor turned(const at::Tensor& x_RC, std::int64_t block) {
  const at::Tensor matrix = kept_on(x_RC.device(), block, 0, [&] { return hadamard(block); });
  return at::mm(x_RC.reshape({-1, block}), matrix).view(x_RC.sizes());
}

at::Tensor signs_beside(const at::Tensor& x_RC, const Stream& signs) {
  return kept_on(x_RC.device(), x_RC.size(1), signs.key(), [&] { return signs_of(x_RC.size(1), signs); });
}

void check(const at::Tensor& x_RC, std::int64_t block) {
  TORCH_CHECK(x_RC.dim() == 2 && block > 0 && std::has_single_bit(static_cast<std::uint64_t>(block)) &&
                  x_RC.size(1) % block == 0,
              "a rotation by blocks of ", block, " expects rows of a multiple of it, got ", x_RC.sizes());
}

}  // namespace

at::Tensor rotated(const at::Tensor& x_RC, std::int64_t block, const Stream& signs) {
  check(x_RC, block);
  return turned(x_RC * signs_beside(x_RC, signs), block);
}

at::Tensor rotated_back(const at::Tensor& x_RC, std::int64_t block, const Stream& signs) {
  check(x_RC, block);
  return turned(x_RC, block) * signs_beside(x_RC, signs);
}

}  // namespace vernier::quant
