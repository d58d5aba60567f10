#include "quant/hadamard.h"

#include <torch/torch.h>

#include <bit>
#include <cmath>

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

at::Tensor turned(const at::Tensor& x_RC, std::int64_t block) {
  return at::mm(x_RC.reshape({-1, block}), hadamard(block).to(x_RC.device())).view(x_RC.sizes());
}

void check(const at::Tensor& x_RC, std::int64_t block) {
  TORCH_CHECK(x_RC.dim() == 2 && block > 0 && std::has_single_bit(static_cast<std::uint64_t>(block)) &&
                  x_RC.size(1) % block == 0,
              "a rotation by blocks of ", block, " expects rows of a multiple of it, got ", x_RC.sizes());
}

}  // namespace

at::Tensor rotated(const at::Tensor& x_RC, std::int64_t block, const Stream& signs) {
  check(x_RC, block);
  return turned(x_RC * signs_of(x_RC.size(1), signs).to(x_RC.device()), block);
}

at::Tensor rotated_back(const at::Tensor& x_RC, std::int64_t block, const Stream& signs) {
  check(x_RC, block);
  return turned(x_RC, block) * signs_of(x_RC.size(1), signs).to(x_RC.device());
}

}  // namespace vernier::quant
