#include "format/quantize_matrix.h"

#include <cmath>
#include <limits>

#include "base/stream.h"
#include "catch.h"

using namespace vernier;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

Matrix row(std::vector<float> values) { return {1, static_cast<std::int64_t>(values.size()), std::move(values)}; }

std::vector<float> values_of_result(const Quantized& result) {
  std::vector<float> values;
  for (std::int64_t r = 0; r < result.grid.rows; ++r)
    for (std::int64_t c = 0; c < result.grid.columns; ++c) values.push_back(value_at(result, r, c));
  return values;
}

std::vector<float> rounded(const char* number, Matrix x, const QuantizeOptions& options = {}) {
  return values_of_result(quantized(std::move(x), parse_number(number), options));
}

Matrix gaussian(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  Matrix x{rows, columns, {}};
  const Stream stream(seed);
  for (std::int64_t i = 0; i < rows * columns; ++i)
    x.values.push_back(static_cast<float>(stream.normals(static_cast<std::uint64_t>(i))[0]));
  return x;
}

}  // namespace

TEST_CASE("absmax scaling divides by absmax over the largest value and multiplies back", "[format][fast]") {
  CHECK(rounded("int4", row({7, 3.4F, -0.6F, -7})) == std::vector<float>{7, 3, -1, -7});
  CHECK(rounded("ternary", row({4, 1.9F, 2.1F, -3})) == std::vector<float>{4, 0, 4, -4});
  CHECK(rounded("int4/channel", {2, 2, {7, 3.4F, 14, 6.8F}}) == std::vector<float>{7, 3, 14, 6});
  const auto result = quantized({2, 2, {7, 3, 14, 6}}, parse_number("int4/channel"));
  CHECK(result.scales == std::vector<float>{1, 2});
  CHECK(result.grid.values == std::vector<float>{7, 3, 7, 3});
}

TEST_CASE("the axis of channels and blocks can be columns", "[format][fast]") {
  const Matrix x{2, 2, {7, 6.8F, 3.4F, 14}};
  CHECK(rounded("int4/channel", x, {.axis = Axis::Columns}) == std::vector<float>{7, 6, 3, 14});
  const auto result = quantized({3, 2, {7, 14, 3, 6, 28, 56}}, parse_number("int4/block2"), {.axis = Axis::Columns});
  CHECK(result.scales == std::vector<float>{1, 4, 2, 8});  // along the first column, then the second
  CHECK(place_of(result.grouping, 3) == "column 2, rows 3 to 3");
}

TEST_CASE("the last block of a row may be short and has its own scale", "[format][fast]") {
  const auto result = quantized(row({7, 3, 14, 6, 28}), parse_number("int4/block2"));
  CHECK(result.scales == std::vector<float>{1, 2, 4});
  CHECK(values_of_result(result) == std::vector<float>{7, 3, 14, 6, 28});
}

TEST_CASE("a fixed scale replaces every rule", "[format][fast]") {
  CHECK(rounded("e2m1/block32:e8m0", row({0.3F, 5.1F, 100}), {.scale = 1.0F}) == std::vector<float>{0.5F, 6, 6});
  CHECK(rounded("int4", row({kInf, -kInf}), {.scale = 0.5F}) == std::vector<float>{3.5F, -4});
  CHECK(rounded("e5m2", row({kInf, -kInf}), {.scale = 0.5F}) == std::vector<float>{kInf, -kInf});
  CHECK(rounded("bf16", row({1e30F}), {.scale = 1e-20F})[0] <
        kInf);  // the quotient overflows fp32, the value saturates
}

TEST_CASE("e8m0 modes differ as their definitions do", "[format][fast]") {
  const auto scale = [](const char* mode, float absmax) {
    return scale_of(absmax, parse_number(std::string("e2m1/block32:") + mode));
  };
  CHECK(scale("e8m0", 4) == 1);  // e2m1's largest is 6 = 1.5 * 2^2
  CHECK(scale("e8m0", 7.99F) == 1);
  CHECK(scale("e8m0", 8) == 2);
  CHECK(scale("e8m0-ceil", 4) == 1);
  CHECK(scale("e8m0-ceil", 4.1F) == 2);
  CHECK(scale("e8m0-even", 6.9F) == 1);
  CHECK(scale("e8m0-even", 7) == 2);  // rounds up to 8 with two significand bits
  CHECK(scale("e8m0-rceil", 6) == 1);
  CHECK(scale("e8m0-rceil", 6.01F) == 2);
  CHECK(scale("e8m0-rceil", 3) == 0.5F);
  CHECK(scale("e8m0", 0x1p-149F) == 0x1p-127F);
  CHECK(scale("e8m0", 0) == 0x1p-127F);
  CHECK(scale("e8m0", std::numeric_limits<float>::max()) == 0x1p125F);
}

TEST_CASE("NVFP4 maps the largest block scale to 448 and keeps small blocks alive", "[format][fast]") {
  std::vector<float> x(48, 0.0F);
  x[0] = 6 * 448;
  x[16] = 1;      // 1 / 6, to e4m3: 0.171875
  x[32] = 1e-6F;  // its scale underflows and becomes the smallest e4m3 value
  const auto result = quantized(row(x), parse_number("e2m1/block16:e4m3"));
  CHECK(result.scales == std::vector<float>{448, 0.171875F, 0x1p-9F});
  CHECK(value_at(result, 0, 0) == 2688);
  CHECK(value_at(result, 0, 16) == 6 * 0.171875F);
  CHECK(value_at(result, 0, 32) == 0);
}

TEST_CASE("a group of zeros stays zeros, and only floats keep the sign", "[format][fast]") {
  for (const auto* number : {"int4", "e4m3", "e2m1/block2:e8m0", "e2m1/block2:e4m3", "ternary/channel", "bf16"}) {
    const auto values = rounded(number, row({0.0F, -0.0F}));
    CHECK(values == std::vector<float>{0, 0});
    CHECK_FALSE(std::signbit(values[0]));
    CHECK(std::signbit(values[1]) == (parse_number(number).format.kind == Kind::Float));
  }
}

TEST_CASE("an infinity spoils its own group only, and the group is named", "[format][fast]") {
  for (const auto* number : {"int4/block2", "e5m2/block2", "e2m1/block2:e8m0", "e2m1/block2:e4m3", "int4/block2:mse",
                             "int4/block2:rms", "int4/block2:lsq"}) {
    const auto spoiled = quantized(row({1, kInf, 3, 4}), parse_number(number));
    const auto alone = quantized(row({3, 4}), parse_number(number));
    CHECK(std::isnan(value_at(spoiled, 0, 0)));
    CHECK(std::isnan(value_at(spoiled, 0, 1)));
    CHECK(value_at(spoiled, 0, 2) == value_at(alone, 0, 0));
    CHECK(value_at(spoiled, 0, 3) == value_at(alone, 0, 1));
    CHECK(spoiled.scales[0] == kInf);
    CHECK(spoiled.infinite_groups == std::vector<std::int64_t>{0});
    CHECK(place_of(spoiled.grouping, 0) == "row 1, columns 1 to 2");
  }
}

TEST_CASE("a NaN stays and does not enter the scale", "[format][fast]") {
  for (const auto* number :
       {"int4", "e5m2/channel", "e2m1/block32:e8m0", "e2m1/block16:e4m3", "int4:mse", "int4:rms", "int4:lsq"}) {
    const auto result = quantized(row({kNan, 3, -4}), parse_number(number));
    CHECK(std::isnan(value_at(result, 0, 0)));
    CHECK(value_at(result, 0, 2) == rounded(number, row({3, -4}))[1]);
    CHECK(result.nan_groups == std::vector<std::int64_t>{0});
  }
  CHECK(std::isnan(rounded("int4", row({kNan}))[0]));
  CHECK(std::isnan(rounded("bf16", row({kNan}))[0]));
}

TEST_CASE("casts keep infinities where the format has them and saturate finite values", "[format][fast]") {
  CHECK(rounded("fp16", row({kInf, 1e6F, -65520})) == std::vector<float>{kInf, 65504, -65504});
  CHECK(quantized(row({1}), parse_number("bf16")).scales.empty());
  const std::vector<float> any{0.1F, -3e-45F, kInf};
  CHECK(rounded("fp32", row(any)) == any);
}

TEST_CASE("a scale that underflows is the smallest positive fp32", "[format][fast]") {
  const auto result = quantized(row({0x1p-149F, -0x1p-149F}), parse_number("int8"));
  CHECK(result.scales[0] == 0x1p-149F);
  CHECK(values_of_result(result) == std::vector<float>{0x1p-149F, -0x1p-149F});
}

TEST_CASE("saturated elements are counted", "[format][fast]") {
  CHECK(quantized(row({7.4F, 7.6F, -8.4F, -9, kNan}), parse_number("int4"), {.scale = 1.0F}).saturated == 2);
  CHECK(quantized(gaussian(64, 64, 1), parse_number("int4/channel")).saturated ==
        0);  // absmax reaches the largest value and no more
}

TEST_CASE("stochastically saturated elements are those that their draw took beyond the bound", "[format][fast]") {
  const Matrix x = row(std::vector<float>(1000, 7.25F));
  const auto result = quantized(x, parse_number("int4"), {.scale = 1.0F, .rounding = Rounding::Stochastic, .seed = 3});
  CHECK(std::abs(static_cast<double>(result.saturated) - 250) < 5 * std::sqrt(1000 * 0.25 * 0.75));
  const auto beyond = quantized(row({8.5F, -8.5F, 8}), parse_number("int4"),
                                {.scale = 1.0F, .rounding = Rounding::Stochastic, .seed = 3});
  CHECK(beyond.saturated >= 2);
}

TEST_CASE("stochastic rounding depends on seed and place only, and is unbiased", "[format][fast]") {
  const QuantizeOptions seven{.scale = 1.0F, .rounding = Rounding::Stochastic, .seed = 7};
  const QuantizeOptions eight{.scale = 1.0F, .rounding = Rounding::Stochastic, .seed = 8};
  const Matrix x = row(std::vector<float>(20000, 2.3F));
  const auto values = rounded("int4", x, seven);
  CHECK(values == rounded("int4", x, seven));
  CHECK(values != rounded("int4", x, eight));
  CHECK(std::vector<float>(values.begin(), values.begin() + 50) ==
        rounded("int4", row(std::vector<float>(50, 2.3F)), seven));
  double mean = 0;
  for (const float value : values) mean += value / 20000.0;
  CHECK(std::abs(mean - 2.3) < 5 * std::sqrt(0.3 * 0.7 / 20000));
}

TEST_CASE("a searched scale has the smallest squared error of all its candidates", "[format][fast]") {
  const Matrix x = gaussian(1, 300, 3);
  for (const auto* format : {"int3", "int8", "ternary", "e2m1", "e4m3"}) {
    const auto error = [&](const Quantized& result) {
      double sum = 0;
      for (std::int64_t i = 0; i < x.columns; ++i)
        sum += std::pow(static_cast<double>(x.values[static_cast<std::size_t>(i)]) - value_at(result, 0, i), 2);
      return sum;
    };
    const Number number = parse_number(std::string(format) + "/tensor:mse");
    const double searched = error(quantized(x, number));
    const float whole = quantized(x, parse_number(format)).scales[0];
    for (int eighths = 1; eighths <= 16; ++eighths)
      CHECK(searched <= error(quantized(x, number, {.scale = whole * static_cast<float>(eighths) / 8})) * (1 + 1e-6));
  }
}

TEST_CASE("a grid that holds every element needs no smaller scale", "[format][fast]") {
  CHECK(quantized(row({7, 3, -1, 0, 2}), parse_number("int4:mse")).scales[0] == 1);
  CHECK(quantized(row({-8, 7, 4}), parse_number("int4/channel:mse")).scales[0] == 1);  // absmax / largest is 8 / 7
}

TEST_CASE("rms and lsq scales are those of their formulas", "[format][fast]") {
  CHECK(quantized(row({3, 4, kNan}), parse_number("int4/channel:lsq")).scales[0] ==
        static_cast<float>(7 / std::sqrt(7.0)));
  const float largest = quantized(row({3, -4, kNan}), parse_number("ternary:rms")).scales[0];
  CHECK(std::abs(largest / std::sqrt(12.5) - 1.2240) < 1e-3);  // ternary's largest value is one step
}

TEST_CASE("rounding a scaled power of two moves with it", "[format][fast]") {
  const Matrix x = gaussian(4, 96, 2);
  Matrix doubled = x;
  for (float& value : doubled.values) value *= 0x1p10F;
  for (const auto* number : {"int5/tensor", "e4m3/channel", "e2m1/block32:e8m0", "e2m1/block16:e4m3",
                             "int4/block32:mse", "e2m1/channel:rms", "int3/tensor:lsq"}) {
    auto small = rounded(number, x);
    for (float& value : small) value *= 0x1p10F;
    CHECK(rounded(number, doubled) == small);
  }
}
