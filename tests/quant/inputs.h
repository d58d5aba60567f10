// What the kernels of every device are tried on: numbers, matrices, and how two results are compared.
#pragma once

#include <fmt/format.h>
#include <torch/torch.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/stream.h"
#include "format/number.h"
#include "format/quantize_matrix.h"

namespace inputs {

using namespace vernier;

inline constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

inline at::Tensor tensor_of(const Matrix& x) { return torch::tensor(x.values).view({x.rows, x.columns}); }

/// Where two fp32 tensors differ in bits (all NaNs count as one); empty where they do not.
inline std::string first_difference(const at::Tensor& got, const at::Tensor& expected, const std::string& what) {
  if (got.sizes() != expected.sizes()) return what + ": shapes differ";
  const at::Tensor a = got.contiguous(), b = expected.contiguous();
  const float *x = a.const_data_ptr<float>(), *y = b.const_data_ptr<float>();
  for (std::int64_t i = 0; i < a.numel(); ++i)
    if (std::bit_cast<std::uint32_t>(x[i]) != std::bit_cast<std::uint32_t>(y[i]) &&
        !(std::isnan(x[i]) && std::isnan(y[i])))
      return fmt::format("{}: element {} is {:a}, expected {:a}", what, i, x[i], y[i]);
  return "";
}

/// Every value, every tie between two, and the two fp32 neighbours of each; huge and special values.
inline Matrix every_value_and_tie(const NumberFormat& format) {
  Matrix x;
  const auto add = [&](double value) {
    const auto middle = static_cast<float>(value);
    for (const float v : {middle, std::nextafter(middle, -kInf), std::nextafter(middle, kInf)}) x.values.push_back(v);
  };
  const auto values = values_of(format);
  for (std::size_t i = 0; i < values.size(); ++i) {
    add(values[i]);
    if (i > 0) add((values[i - 1] + values[i]) / 2);
  }
  for (const double bound : {format.lowest, format.largest}) {
    add(bound * 1.0001);
    add(bound * 1.5);
  }
  for (const float v :
       {0.0F, -0.0F, kInf, -kInf, kNan, -kNan, 0x1p-149F, -0x1p-149F, 0x1p-126F, std::numeric_limits<float>::max()})
    x.values.push_back(v);
  x.rows = 1;
  x.columns = static_cast<std::int64_t>(x.values.size());
  return x;
}

enum class Special { None, Nan, Infinity };

/// Rows whose magnitudes lie anywhere in fp32, with zeros, both signs, and what is asked for strewn in.
inline Matrix wild(std::int64_t rows, std::int64_t columns, std::uint64_t seed, Special special) {
  Matrix x{rows, columns, {}};
  const Stream root(seed), draws = root.child("values"), exponents = root.child("exponents"),
                           kinds = root.child("kinds");
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const auto counter = static_cast<std::uint64_t>(i), row = static_cast<std::uint64_t>(i / columns);
    const int exponent = static_cast<int>(exponents.below(276, row)) - 149;
    auto value = static_cast<float>(std::ldexp(draws.normals(counter)[0] / 8, exponent));
    const auto kind = kinds.below(64, counter);
    if (kind < 4) value = kind % 2 == 0 ? 0.0F : -0.0F;
    if (kind == 4 && special == Special::Nan) value = kNan;
    if (kind == 4 && special == Special::Infinity) value = -kInf;
    x.values.push_back(value);
  }
  return x;
}

inline std::vector<Number> numbers_to_try() {
  std::vector<Number> numbers;
  for (const auto* format : {"int2", "int4", "int8", "int16", "sint3", "ternary", "e4m3", "e5m2", "e3m2", "e2m3",
                             "e2m1", "e3m0", "e1m2", "e7m3", "e8m3", "e8m0", "bf16", "fp16"})
    for (const auto* granularity :
         {"tensor", "channel", "token", "block1", "block7", "block16", "block32", "block1000"})
      for (const auto& scale : kScales)
        if (scale.scale != Scale::E4m3 || std::string_view(granularity).starts_with("block"))
          numbers.push_back(parse_number(fmt::format("{}/{}:{}", format, granularity, scale.name)));
  for (const auto* cast : {"bf16", "fp16"}) numbers.push_back(parse_number(cast));
  return numbers;
}

}  // namespace inputs
