// Matrix products of row blocks, through oneDNN's block kernel inside ATen, which is compiled at run time for the
// processor it finds: AVX2, AVX-512, its bf16 instructions, AMX. On blocks that stay in cache it reaches nine tenths of
// the processor's peak however thin they are, where a whole thin product through a BLAS reaches a third.
//
// Every element is summed in the same order whatever the number of rows, members or threads.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace vernier::model::cpu {

using Bf16 = c10::BFloat16;

struct ProductSize {
  std::int64_t rows, columns, inner;
};

/// A matrix whose rows lie `stride` elements apart.
template <class T>
struct Rows {
  T* at;
  std::int64_t stride;
};

/// c (+)= a b: [rows, inner] times [inner, columns], sums in fp32.
void multiply(const ProductSize& size, Rows<const float> a, Rows<const float> b, Rows<float> c, bool add = false);

/// The same of bf16 values; `inner` is even, and b holds pairs of its rows, [inner / 2, columns, 2]: its stride counts
/// elements of one unpaired row.
void multiply(const ProductSize& size, Rows<const Bf16> a, Rows<const Bf16> b, Rows<float> c, bool add = false);

/// Hands a matrix unit back, which this thread's last product may have set up in a way that other libraries do not
/// expect.
void release_matrix_unit();

/// Whether this processor multiplies bf16 faster than fp32; and whether by so much that three products of bf16 parts
/// are faster than one of fp32 (matrix units).
bool has_bf16_products();
bool has_matrix_unit();

/// y[c, r] = x[r, c], of 32-bit words.
void transpose(std::int64_t rows, std::int64_t columns, Rows<const float> x, Rows<float> y);

/// The same of bf16 pairs along a row, as a product's b wants them: x [rows, columns] -> y [columns / 2, rows, 2].
void transpose_pairs(std::int64_t rows, std::int64_t columns, Rows<const Bf16> x, Rows<Bf16> y);

/// Pairs of rows: x [rows, columns] -> y [rows / 2, columns, 2], `rows` even.
void pair_rows(std::int64_t rows, std::int64_t columns, Rows<const Bf16> x, Bf16* y);

/// y[i] = x[i] * factor.
void widen(const Bf16* x, float factor, float* y, std::int64_t count);

/// x = first + second + third with nothing left over: three bf16 hold the 24 bits of an fp32 (but for what lies below
/// the smallest normal bf16).
struct Parts {
  Bf16 *first, *second, *third;
};
void split(const float* x, std::int64_t count, const Parts& parts);

}  // namespace vernier::model::cpu
