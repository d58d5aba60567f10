#include "format/quantize_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/stream.h"
#include "format/gaussian.h"
#include "format/scale_search.h"

namespace vernier {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kSmallestFloat = std::numeric_limits<float>::denorm_min();
constexpr int kLargestE8m0Exponent = 127;

float nonzero(float scale) { return std::max(scale, kSmallestFloat); }

int floor_log2(double x) { return std::ilogb(x); }
int ceil_log2(double x) { return std::ilogb(x) + (std::ldexp(1.0, std::ilogb(x)) < x ? 1 : 0); }

/// absmax to the format's significand, ties to even, without bounds on the exponent.
double to_significand(float absmax, const NumberFormat& format) {
  const int step = floor_log2(absmax) - format.significand_bits + 1;
  return std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(absmax), -step)), step);
}

int e8m0_exponent(float absmax, const Number& number) {
  const auto largest = static_cast<float>(number.format.largest);
  const int top = floor_log2(largest);
  if (absmax == 0) return -kLargestE8m0Exponent;
  switch (number.scale) {
    case Scale::E8m0Ceil:
      return ceil_log2(absmax) - top;
    case Scale::E8m0Even:
      return floor_log2(to_significand(absmax, number.format)) - top;
    case Scale::E8m0Rceil:
      return ceil_log2(nonzero(absmax / largest));
    default:
      return floor_log2(absmax) - top;
  }
}

/// Per group the largest magnitude of all elements but NaN, so inf where it holds an infinity.
std::vector<float> absmax_of(const Matrix& x, const Grouping& grouping) {
  std::vector<float> absmax(static_cast<std::size_t>(grouping.groups), 0.0F);
  for (std::int64_t row = 0, at = 0; row < x.rows; ++row)
    for (std::int64_t column = 0; column < x.columns; ++column, ++at) {
      float& group = absmax[static_cast<std::size_t>(group_at(grouping, row, column))];
      const float magnitude = std::abs(x.values[static_cast<std::size_t>(at)]);
      if (magnitude > group) group = magnitude;
    }
  return absmax;
}

/// NVFP4's two levels, from the absmax of every block to its scale.
void scale_in_two_levels(std::vector<float>& absmax, const Number& number) {
  static const NumberFormat e4m3 = format_named("e4m3");
  const auto largest = static_cast<float>(number.format.largest);
  const auto smallest_scale = static_cast<float>(*smallest_subnormal(e4m3));
  float tensor_absmax = 0;
  for (const float group : absmax)
    if (group != kInfinity) tensor_absmax = std::max(tensor_absmax, group);
  const float tensor_scale = nonzero(tensor_absmax / (largest * static_cast<float>(e4m3.largest)));
  for (float& group : absmax) {
    if (group == 0 || group == kInfinity) continue;
    const auto block_scale = static_cast<float>(round_to_grid(group / largest / tensor_scale, e4m3));
    group = nonzero(std::max(block_scale, smallest_scale) * tensor_scale);
  }
}

/// x / scale, where a group of zeros (scale 0) keeps its zeros and NaNs, and one without a finite scale becomes NaN.
float divided(float x, float scale) {
  if (scale == 0) return x;
  if (scale == kInfinity) return std::numeric_limits<float>::quiet_NaN();
  const float quotient = x / scale;
  // A finite x stays finite: what overflows here is far beyond the largest value and saturates.
  return std::isinf(quotient) && !std::isinf(x) ? std::copysign(std::numeric_limits<float>::max(), x) : quotient;
}

/// The elements of every group, in their order.
std::vector<std::vector<float>> elements_of(const Matrix& x, const Grouping& grouping) {
  std::vector<std::vector<float>> groups(static_cast<std::size_t>(grouping.groups));
  const bool rows = grouping.axis == Axis::Rows;
  const std::int64_t lines = rows ? x.rows : x.columns;
  for (std::int64_t line = 0; line < lines; ++line)
    for (std::int64_t place = 0; place < grouping.line_length; ++place) {
      const std::int64_t row = rows ? line : place, column = rows ? place : line;
      const float value = x.values[static_cast<std::size_t>(row * x.columns + column)];
      groups[static_cast<std::size_t>(group_at(grouping, row, column))].push_back(value);
    }
  return groups;
}

/// Squared error of the group under a scale.
double error_under(const std::vector<float>& group, float scale, const NumberFormat& format) {
  return ordered_sum(std::ssize(group), [&](std::int64_t i) {
    const float x = group[static_cast<std::size_t>(i)];
    if (std::isnan(x)) return 0.0;
    const double error = x - round_to_grid(divided(x, scale), format) * static_cast<double>(scale);
    return error * error;
  });
}

/// The scale of a group, which holds something else than zeros and nothing infinite, under a rule that looks at all of
/// it.
float searched_scale(const std::vector<float>& group, float absmax, const Number& number) {
  const auto count = static_cast<double>(std::count_if(group.begin(), group.end(), [](float x) { return x == x; }));
  const auto sum = [&](auto power) {
    return ordered_sum(std::ssize(group), [&](std::int64_t i) {
      const double x = group[static_cast<std::size_t>(i)];
      return std::isnan(x) ? 0.0 : power(x);
    });
  };
  const double largest = number.format.largest;
  if (number.scale == Scale::Rms)
    return rms_scale(sum([](double x) { return x * x; }), count, gaussian_optimum(number.format), largest);
  if (number.scale == Scale::Lsq) return lsq_scale(sum([](double x) { return std::abs(x); }), count, largest);
  const float whole = absmax / static_cast<float>(largest);
  const auto candidate = [&](std::int64_t multiple) { return nonzero(mse_candidate(whole, multiple)); };
  return candidate(
      best_mse_multiple([&](std::int64_t multiple) { return error_under(group, candidate(multiple), number.format); }));
}

void search_scales(std::vector<float>& absmax, const Matrix& x, const Number& number, const Grouping& grouping) {
  const auto groups = elements_of(x, grouping);
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (absmax[i] != 0 && absmax[i] != kInfinity) absmax[i] = nonzero(searched_scale(groups[i], absmax[i], number));
}

std::vector<float> scales_of(const Matrix& x, const Number& number, const Grouping& grouping,
                             std::optional<float> fixed) {
  if (fixed) return std::vector<float>(static_cast<std::size_t>(grouping.groups), *fixed);
  if (number.scale == Scale::None) return {};
  std::vector<float> scales = absmax_of(x, grouping);
  if (number.scale == Scale::E4m3) {
    scale_in_two_levels(scales, number);
  } else if (needs_whole_group(number.scale)) {
    search_scales(scales, x, number, grouping);
  } else {
    for (float& scale : scales) scale = scale_of(scale, number);
  }
  return scales;
}

void note_special_groups(Quantized& result, const Matrix& x, bool scale_follows_data) {
  if (result.scales.empty()) return;  // a cast has no groups
  for (std::size_t group = 0; scale_follows_data && group < result.scales.size(); ++group)
    if (result.scales[group] == kInfinity) result.infinite_groups.push_back(static_cast<std::int64_t>(group));
  std::vector<bool> holds_nan(result.scales.size());
  for (std::int64_t row = 0, at = 0; row < x.rows; ++row)
    for (std::int64_t column = 0; column < x.columns; ++column, ++at)
      if (std::isnan(x.values[static_cast<std::size_t>(at)]))
        holds_nan[static_cast<std::size_t>(group_at(result.grouping, row, column))] = true;
  for (std::size_t group = 0; group < holds_nan.size(); ++group)
    if (holds_nan[group]) result.nan_groups.push_back(static_cast<std::int64_t>(group));
}

}  // namespace

Grouping grouping_of(const Number& number, std::int64_t rows, std::int64_t columns, Axis axis) {
  Grouping grouping;
  grouping.axis = axis;
  grouping.line_length = axis == Axis::Rows ? columns : rows;
  grouping.group_length = grouping.line_length;
  if (number.granularity == Granularity::Tensor) {
    grouping.groups = 1;
    return grouping;
  }
  if (number.granularity == Granularity::Block) grouping.group_length = number.block;
  const std::int64_t length = std::max<std::int64_t>(grouping.group_length, 1);
  grouping.groups_per_line = (grouping.line_length + length - 1) / length;
  grouping.groups = grouping.groups_per_line * (axis == Axis::Rows ? rows : columns);
  return grouping;
}

std::int64_t group_at(const Grouping& grouping, std::int64_t row, std::int64_t column) {
  if (grouping.groups_per_line == 0) return 0;
  const std::int64_t line = grouping.axis == Axis::Rows ? row : column,
                     place = grouping.axis == Axis::Rows ? column : row;
  return line * grouping.groups_per_line + place / grouping.group_length;
}

std::string place_of(const Grouping& grouping, std::int64_t group) {
  if (grouping.groups_per_line == 0) return "the whole matrix";
  const bool rows = grouping.axis == Axis::Rows;
  const std::int64_t line = group / grouping.groups_per_line,
                     first = group % grouping.groups_per_line * grouping.group_length;
  const std::int64_t last = std::min(first + grouping.group_length, grouping.line_length);
  return fmt::format("{} {}, {} {} to {}", rows ? "row" : "column", line + 1, rows ? "columns" : "rows", first + 1,
                     last);
}

float scale_of(float absmax, const Number& number) {
  if (absmax == kInfinity) return absmax;
  if (number.scale == Scale::Absmax)
    return absmax == 0 ? 0 : nonzero(absmax / static_cast<float>(number.format.largest));
  const int exponent = std::clamp(e8m0_exponent(absmax, number), -kLargestE8m0Exponent, kLargestE8m0Exponent);
  return std::ldexp(1.0F, exponent);
}

Quantized quantized(Matrix x, const Number& number, const QuantizeOptions& options) {
  Quantized result;
  result.grouping = grouping_of(number, x.rows, x.columns, options.axis);
  if (number.rounded) result.scales = scales_of(x, number, result.grouping, options.scale);
  note_special_groups(result, x, !options.scale);
  result.grid = std::move(x);
  if (!number.rounded) return result;
  const Stream draws = Stream(options.seed).child("rounding");
  std::uint64_t element = 0;
  for (std::int64_t row = 0; row < result.grid.rows; ++row)
    for (std::int64_t column = 0; column < result.grid.columns; ++column, ++element) {
      float& value = result.grid.values[element];
      if (!result.scales.empty())
        value = divided(value, result.scales[static_cast<std::size_t>(group_at(result.grouping, row, column))]);
      const auto draw = options.rounding == Rounding::Stochastic ? std::optional(draws.draw31(element)) : std::nullopt;
      result.saturated += saturates(value, number.format, draw) ? 1 : 0;
      value = static_cast<float>(draw ? round_to_grid_stochastic(value, number.format, *draw)
                                      : round_to_grid(value, number.format));
    }
  return result;
}

float value_at(const Quantized& result, std::int64_t row, std::int64_t column) {
  const float grid = result.grid.values[static_cast<std::size_t>(row * result.grid.columns + column)];
  return result.scales.empty() ? grid
                               : grid * result.scales[static_cast<std::size_t>(group_at(result.grouping, row, column))];
}

}  // namespace vernier
