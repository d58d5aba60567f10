#include "format/number_format.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "catch.h"

using namespace vernier;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The first complaint of `check`, which gets every format in turn; none where all hold.
template <class Check>
std::string first_complaint(const Check& check) {
  for (const auto& format : all_formats())
    if (const std::string complaint = check(format); !complaint.empty()) return format.name + ": " + complaint;
  return "";
}

std::string differs(double x, double got, double expected) {
  const bool same =
      (std::isnan(got) && std::isnan(expected)) || (got == expected && std::signbit(got) == std::signbit(expected));
  return same ? "" : fmt::format("{:a} -> {:a}, expected {:a}", x, got, expected);
}

/// Of two neighbours on a grid, the one that a tie goes to. A float without fraction bits has no even one: IEEE
/// 754-2019, section 4.3.1, then takes the larger magnitude; next to zero that is the rule for subnormals, where zero
/// is even.
double even_neighbour(double below, double above, const NumberFormat& format) {
  if (format.kind == Kind::Float && format.significand_bits == 1) {
    if (below == 0 || above == 0) return below == 0 ? below : std::copysign(0.0, -1);
    return std::abs(below) > std::abs(above) ? below : above;
  }
  const double even = encode(below, format) % 2 == 0 ? below : above;
  return even == 0 && format.kind == Kind::Float && below < 0 ? -0.0 : even;
}

/// Rounding around one pair of neighbouring values, decided by comparing and not by arithmetic on exponents.
std::string complaint_between(double below, double above, const NumberFormat& format) {
  const double middle = (below + above) / 2;
  const auto fp32 = static_cast<float>(middle);
  if (static_cast<double>(fp32) != middle) return fmt::format("the tie {:a} is not an fp32", middle);
  const double left = std::nextafter(fp32, -std::numeric_limits<float>::infinity());
  const double right = std::nextafter(fp32, std::numeric_limits<float>::infinity());
  const double signed_above = above == 0 && format.kind == Kind::Float ? -0.0 : above;
  if (const auto wrong = differs(left, round_to_grid(left, format), below); !wrong.empty()) return wrong;
  if (const auto wrong = differs(middle, round_to_grid(middle, format), even_neighbour(below, above, format));
      !wrong.empty())
    return wrong;
  return differs(right, round_to_grid(right, format), signed_above);
}

}  // namespace

TEST_CASE("every value of every format stays, and everything between two goes to the nearer one, ties to even",
          "[format][fast]") {
  CHECK(first_complaint([](const NumberFormat& format) -> std::string {
          const auto values = values_of(format);
          for (std::size_t i = 0; i < values.size(); ++i) {
            if (const auto wrong = differs(values[i], round_to_grid(values[i], format), values[i]); !wrong.empty())
              return wrong;
            if (i == 0) continue;
            if (const auto wrong = complaint_between(values[i - 1], values[i], format); !wrong.empty()) return wrong;
          }
          return "";
        }) == "");
}

TEST_CASE("encoding inverts decoding for every code of every format", "[format][fast]") {
  CHECK(first_complaint([](const NumberFormat& format) -> std::string {
          for (std::uint32_t code = 0; code < 1U << format.bits; ++code) {
            const auto value = decode(code, format);
            if (!value) continue;
            const auto back = decode(encode(*value, format), format);
            if (!back || !differs(*value, *back, *value).empty()) return fmt::format("code {:#x} is lost", code);
            if (!std::isnan(*value) && encode(*value, format) != code) return fmt::format("code {:#x} moves", code);
          }
          return decode(1U << format.bits, format) ? "a code that is too long means something" : "";
        }) == "");
}

TEST_CASE("values rise with the code of a float's magnitude and end at the stated extremes", "[format][fast]") {
  CHECK(first_complaint([](const NumberFormat& format) -> std::string {
          const auto values = values_of(format);
          if (values.front() != format.lowest || values.back() != format.largest) return "extremes differ";
          if (format.kind == Kind::Integer)
            return values.size() == static_cast<std::size_t>(format.largest - format.lowest) + 1 ? "" : "gaps";
          double before = -1;
          for (std::uint32_t code = 0; code < 1U << (format.bits - 1); ++code) {
            const double value = *decode(code, format);
            if (std::isnan(value)) break;
            if (value <= before) return fmt::format("code {:#x} does not rise", code);
            before = value;
          }
          return "";
        }) == "");
}

TEST_CASE("rounding is monotone and idempotent, and odd where the grid is", "[format][fast]") {
  CHECK(first_complaint([](const NumberFormat& format) -> std::string {
          double before = -kInf;
          for (double x = 1.5 * format.lowest; x <= 1.5 * format.largest; x += format.largest / 512.3) {
            const double rounded = round_to_grid(x, format);
            if (rounded < before) return fmt::format("falls at {}", x);
            if (const auto wrong = differs(x, round_to_grid(rounded, format), rounded); !wrong.empty()) return wrong;
            const bool odd_there = format.lowest == -format.largest || std::abs(x) <= format.largest;
            if (odd_there && round_to_grid(-x, format) != -rounded) return fmt::format("not odd at {}", x);
            before = rounded;
          }
          return "";
        }) == "");
}

TEST_CASE("NaN, infinities and zeros have stated results in every format", "[format][fast]") {
  CHECK(first_complaint([](const NumberFormat& format) -> std::string {
          if (!std::isnan(round_to_grid(kNan, format))) return "NaN became a number";
          if (round_to_grid(kInf, format) != (has_infinity(format) ? kInf : format.largest)) return "infinity";
          if (round_to_grid(-kInf, format) != (has_infinity(format) ? -kInf : format.lowest)) return "-infinity";
          const bool keeps = format.kind == Kind::Float;
          if (std::signbit(round_to_grid(-0.0, format)) != keeps) return "sign of zero";
          if (std::signbit(round_to_grid(-1e-300, format)) != keeps) return "sign of an underflow";
          if (round_to_grid(1e300, format) != format.largest) return "a huge finite value does not saturate";
          return "";
        }) == "");
}

TEST_CASE("saturation is counted where rounding alone would leave the range", "[format][fast]") {
  const auto e2m1 = format_named("e2m1"), int4 = format_named("int4"), bf16 = format_named("bf16");
  CHECK_FALSE(saturates(6.9, e2m1));  // nearer to 6 than to 8
  CHECK(saturates(7.0, e2m1));        // a tie that would go to 8
  CHECK_FALSE(saturates(-8.4, int4));
  CHECK(saturates(7.6, int4));
  CHECK(saturates(kInf, int4));
  CHECK_FALSE(saturates(kInf, bf16));
  CHECK_FALSE(saturates(kNan, int4));
}

TEST_CASE("stochastic rounding takes a neighbour with the probability of the distance to the other", "[format][fast]") {
  const auto int4 = format_named("int4"), e2m1 = format_named("e2m1");
  constexpr std::int32_t kQuarter = 1 << 29;  // of the draws
  CHECK(round_to_grid_stochastic(2.25, int4, kQuarter - 1) == 3);
  CHECK(round_to_grid_stochastic(2.25, int4, kQuarter) == 2);
  CHECK(round_to_grid_stochastic(-2.25, int4, kQuarter - 1) == -3);
  CHECK(round_to_grid_stochastic(-2.25, int4, kQuarter) == -2);
  CHECK(round_to_grid_stochastic(4.5, e2m1, kQuarter - 1) == 6);
  CHECK(round_to_grid_stochastic(4.5, e2m1, kQuarter) == 4);
  for (const double value : values_of(e2m1)) CHECK(round_to_grid_stochastic(value, e2m1, 0) == value);
  CHECK(std::isnan(round_to_grid_stochastic(kNan, int4, 1)));
}

TEST_CASE("the table lists every format once, and each is found by its name", "[format][fast]") {
  std::size_t floats = 0;
  for (const auto& format : all_formats()) {
    CHECK(format_named(format.name).bits == format.bits);
    floats += format.kind == Kind::Float;
  }
  CHECK(floats == 2 + 91);  // bf16, fp16, and e<E>m<M> with 1 to 8 exponent bits and 3 to 16 bits in all
  CHECK(all_formats().size() == floats + 15 + 15 + 1);
}

TEST_CASE("bf16 is e8m7 and fp16 is e5m10, by another name", "[format][fast]") {
  CHECK(values_of(format_named("bf16")) == values_of(format_named("e8m7")));
  CHECK(values_of(format_named("fp16")) == values_of(format_named("e5m10")));
}

TEST_CASE("an unknown format names the known ones and the reason or the nearest spelling", "[format][fast]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(format_named("int17"), ContainsSubstring("int2...int16") && ContainsSubstring("2 to 16 bits"));
  CHECK_THROWS_WITH(format_named("int1"), ContainsSubstring("2 to 16 bits"));
  CHECK_THROWS_WITH(format_named("e9m9"), ContainsSubstring("this has 9 and 19"));
  CHECK_THROWS_WITH(format_named("e9m2"), ContainsSubstring("1 to 8 exponent bits"));
  CHECK_THROWS_WITH(format_named("INT4"), ContainsSubstring("nearest: int4"));
  CHECK_THROWS_WITH(format_named("ternery"), ContainsSubstring("nearest: ternary"));
  CHECK_THROWS_WITH(format_named("e9m9"), ContainsSubstring("nearest: e8m7"));
  CHECK_THROWS_WITH(format_named("fp8"), ContainsSubstring("nearest: e4m3, e5m2"));
  for (const auto* name :
       {"", "e", "e0m3", "e4m", "em3", "e04m3", "e4m3 ", "int", "int-4", "int4.0", "fp8", "int04", "e-4m3"})
    CHECK_THROWS_AS(format_named(name), Error);
}

TEST_CASE("a value off the grid and a NaN without a code are refused by encode", "[format][fast]") {
  CHECK_THROWS_AS(encode(0.3, format_named("int4")), Error);
  CHECK_THROWS_AS(encode(kNan, format_named("e2m1")), Error);
  CHECK_THROWS_AS(encode(kInf, format_named("e4m3")), Error);
  CHECK(encode(kNan, format_named("e4m3")) == 0x7F);
  CHECK(encode(-kInf, format_named("e5m2")) == 0xFC);
  CHECK(encode(-8, format_named("int4")) == 0x8);
  CHECK(decode(0x8, format_named("sint4")) == std::nullopt);
}
