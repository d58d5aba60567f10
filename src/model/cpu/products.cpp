#include "model/cpu/products.h"

#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include <hwy/highway.h>

namespace vernier::model::cpu {

namespace hn = hwy::HWY_NAMESPACE;

namespace {

/// Calls `block(first inner, inner, first column, columns)` for blocks of b that leave room in a core's cache.
template <class Block>
void over_blocks(const ProductSize& size, std::size_t element, const Block& block) {
  constexpr std::int64_t kInner = 512, kBytes = 1 << 18, kColumns = 64;
  for (std::int64_t k = 0; k < size.inner; k += kInner) {
    const std::int64_t inner = std::min(kInner, size.inner - k);
    const std::int64_t fitting = kBytes / (inner * static_cast<std::int64_t>(element)) / kColumns * kColumns;
    const std::int64_t wide = std::max(kColumns, fitting);
    for (std::int64_t n = 0; n < size.columns; n += wide) block(k, inner, n, std::min(wide, size.columns - n));
  }
}

}  // namespace

void multiply(const ProductSize& size, Rows<const float> a, Rows<const float> b, Rows<float> c, bool add) {
  over_blocks(size, sizeof(float), [&](std::int64_t k, std::int64_t inner, std::int64_t n, std::int64_t columns) {
    at::native::cpublas::brgemm(size.rows, columns, inner, a.stride, b.stride, c.stride, add || k > 0, a.at + k,
                                b.at + k * b.stride + n, c.at + n, false);
  });
}

void multiply(const ProductSize& size, Rows<const Bf16> a, Rows<const Bf16> b, Rows<float> c, bool add) {
  over_blocks(size, sizeof(Bf16), [&](std::int64_t k, std::int64_t inner, std::int64_t n, std::int64_t columns) {
    at::native::cpublas::brgemm(size.rows, columns, inner, a.stride, b.stride, c.stride, add || k > 0, a.at + k,
                                b.at + k * b.stride + 2 * n, c.at + n, true);
  });
}

void release_matrix_unit() { at::native::cpublas::brgemm_release(); }

bool has_matrix_unit() {
#ifdef __x86_64__
  return __builtin_cpu_supports("amx-bf16") != 0;
#else
  return false;
#endif
}

bool has_bf16_products() {
#ifdef __x86_64__
  return has_matrix_unit() || __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

namespace {

using F = hn::ScalableTag<float>;
using Words = hn::Vec<F>;

/// Four vectors, each row's; afterwards block b of vector j holds, of all four rows, column 4 b + j.
void transpose_blocks(Words& a, Words& b, Words& c, Words& d) {
  const F f;
  const hn::RepartitionToWide<F> wide;
  const auto low = [&](Words x, Words y) { return hn::BitCast(wide, hn::InterleaveLower(f, x, y)); };
  const auto high = [&](Words x, Words y) { return hn::BitCast(wide, hn::InterleaveUpper(f, x, y)); };
  const auto ab_low = low(a, b), ab_high = high(a, b), cd_low = low(c, d), cd_high = high(c, d);
  a = hn::BitCast(f, hn::InterleaveLower(wide, ab_low, cd_low));
  b = hn::BitCast(f, hn::InterleaveUpper(wide, ab_low, cd_low));
  c = hn::BitCast(f, hn::InterleaveLower(wide, ab_high, cd_high));
  d = hn::BitCast(f, hn::InterleaveUpper(wide, ab_high, cd_high));
}

void put_blocks(Words v, float* y, std::int64_t stride) {
  const F f;
  const hn::FixedTag<float, 4> four;
  HWY_ALIGN float blocks[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, f, blocks);
  for (std::size_t block = 0; block < hn::Lanes(f) / 4; ++block)
    hn::StoreU(hn::Load(four, blocks + 4 * block), four, y + 4 * static_cast<std::int64_t>(block) * stride);
}

void transpose_slowly(std::int64_t rows, std::int64_t columns, Rows<const float> x, Rows<float> y) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      std::memcpy(y.at + c * y.stride + r, x.at + r * x.stride + c, sizeof(float));
}

}  // namespace

void transpose(std::int64_t rows, std::int64_t columns, Rows<const float> x, Rows<float> y) {
  const F f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  const std::int64_t whole_rows = rows / 4 * 4, whole_columns = columns / lanes * lanes;
  for (std::int64_t c = 0; c < whole_columns; c += lanes)
    for (std::int64_t r = 0; r < whole_rows; r += 4) {
      const float* from = x.at + r * x.stride + c;
      Words v[4];
      for (int i = 0; i < 4; ++i) v[i] = hn::LoadU(f, from + i * x.stride);
      transpose_blocks(v[0], v[1], v[2], v[3]);
      for (int i = 0; i < 4; ++i) put_blocks(v[i], y.at + (c + i) * y.stride + r, y.stride);
    }
  transpose_slowly(rows - whole_rows, whole_columns, {x.at + whole_rows * x.stride, x.stride},
                   {y.at + whole_rows, y.stride});
  transpose_slowly(rows, columns - whole_columns, {x.at + whole_columns, x.stride},
                   {y.at + whole_columns * y.stride, y.stride});
}

void transpose_pairs(std::int64_t rows, std::int64_t columns, Rows<const Bf16> x, Rows<Bf16> y) {
  transpose(rows, columns / 2, {reinterpret_cast<const float*>(x.at), x.stride / 2},
            {reinterpret_cast<float*>(y.at), y.stride});
}

void pair_rows(std::int64_t rows, std::int64_t columns, Rows<const Bf16> x, Bf16* y) {
  for (std::int64_t r = 0; r < rows; r += 2, y += 2 * columns) {
    const auto *even = reinterpret_cast<const std::uint16_t*>(x.at + r * x.stride), *odd = even + x.stride;
    auto* pairs = reinterpret_cast<std::uint16_t*>(y);
#pragma omp simd
    for (std::int64_t c = 0; c < columns; ++c) {
      pairs[2 * c] = even[c];
      pairs[2 * c + 1] = odd[c];
    }
  }
}

void widen(const Bf16* x, float factor, float* y, std::int64_t count) {
  const auto* bits = reinterpret_cast<const std::uint16_t*>(x);
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i)
    y[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16) * factor;
}

void split(const float* x, std::int64_t count, const Parts& parts) {
  auto *first = reinterpret_cast<std::uint16_t*>(parts.first), *second = reinterpret_cast<std::uint16_t*>(parts.second),
       *third = reinterpret_cast<std::uint16_t*>(parts.third);
  const auto high = [](float value) { return std::bit_cast<std::uint32_t>(value) & 0xFFFF0000U; };  // cut, not rounded
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t a = high(x[i]);
    const float after_first = x[i] - std::bit_cast<float>(a);
    const std::uint32_t b = high(after_first), c = high(after_first - std::bit_cast<float>(b));
    first[i] = static_cast<std::uint16_t>(a >> 16);
    second[i] = static_cast<std::uint16_t>(b >> 16);
    third[i] = static_cast<std::uint16_t>(c >> 16);
  }
}

}  // namespace vernier::model::cpu
