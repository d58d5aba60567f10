// The scalar reference for a whole matrix: which elements share a scale, what that scale is, and the rounded values.
// Slow and plain on purpose; `vernier quantize` uses it, and the tensor kernels are checked against it bit for bit.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "format/number.h"

namespace vernier {

/// Row after row.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> values;  ///< rows * columns
};

/// Which axis channel, token and blocks refer to: a scale per row and blocks along a row, or the same for columns.
enum class Axis { Rows, Columns };

struct AxisRow {
  std::string_view name;
  Axis axis;
};
inline constexpr std::array kAxes{AxisRow{"rows", Axis::Rows}, AxisRow{"columns", Axis::Columns}};
static_assert(names_differ(kAxes));

/// Groups of elements that share a scale, numbered along the first line (row or column), then along the next.
struct Grouping {
  Axis axis = Axis::Rows;
  std::int64_t line_length = 0;      ///< elements of a row, or of a column
  std::int64_t group_length = 0;     ///< elements of a line that share a scale; the last group of a line may be shorter
  std::int64_t groups_per_line = 0;  ///< 0 where one group holds everything
  std::int64_t groups = 0;
};

Grouping grouping_of(const Number& number, std::int64_t rows, std::int64_t columns, Axis axis);
std::int64_t group_at(const Grouping& grouping, std::int64_t row, std::int64_t column);
/// Where a group lies, counted from 1: "row 2, columns 17 to 32".
std::string place_of(const Grouping& grouping, std::int64_t group);

struct QuantizeOptions {
  Axis axis = Axis::Rows;
  std::optional<float> scale;  ///< fixes every group's scale in place of the number's rule
  Rounding rounding = Rounding::Nearest;
  std::uint64_t seed =
      0;  ///< of stochastic rounding: a draw is a pure function of it and the element's place in the matrix
};

struct Quantized {
  Matrix grid;  ///< unscaled values of the format
  Grouping grouping;
  std::vector<float> scales;   ///< per group; empty for a cast; inf where a group has no finite scale
  std::int64_t saturated = 0;  ///< elements that rounding alone would have left outside [lowest, largest]
  std::vector<std::int64_t> infinite_groups;  ///< groups that hold an infinity under a scale that follows from the data
  std::vector<std::int64_t> nan_groups;       ///< groups that hold a NaN
};

/// Rounds x onto the number's grid. x / scale is a true division in fp32.
///
/// The scale comes from the finite elements of a group. A group with an infinity has scale inf and NaN for all its
/// values; a NaN stays a NaN; a group of zeros stays zeros. A scale that underflows is the smallest positive fp32
/// instead. e8m0 scales are clamped to 2^-127...2^127. e4m3 (NVFP4, all in this order and in fp32):
///
///   s_tensor = absmax / (largest * 448)       over the groups without infinity
///   s_block  = absmax_block / largest / s_tensor, to e4m3; an underflow gives the smallest e4m3 value
///   scale    = s_block * s_tensor
///
/// mse, rms and lsq sum over a group in a stated order (format/scale_search.h).
Quantized quantized(Matrix x, const Number& number, const QuantizeOptions& options = {});

/// grid * scale, the fp32 result.
float value_at(const Quantized& result, std::int64_t row, std::int64_t column);

/// The scale of a group whose largest finite magnitude is absmax, under a rule that needs no more than that.
float scale_of(float absmax, const Number& number);

}  // namespace vernier
