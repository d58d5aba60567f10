// The extremes that the OCP and IEEE documents print in their tables.
#include <array>
#include <cmath>

#include "catch.h"
#include "format/number_format.h"

using namespace vernier;

TEST_CASE("formats have the extremes of the OCP and IEEE tables", "[verification][fast]") {
  struct Row {
    const char* name;
    double largest, smallest_normal, smallest_subnormal;
    int bias;
    bool infinity, nan;
  };
  constexpr std::array kTables{
      Row{"e4m3", 448, 0x1p-6, 0x1p-9, 7, false, true},      // OCP 8-bit Floating Point Specification 1.0, table 2
      Row{"e5m2", 57344, 0x1p-14, 0x1p-16, 15, true, true},  // the same
      Row{"e3m2", 28, 0.25, 0.0625, 3, false, false},        // OCP Microscaling Formats 1.0, table 3
      Row{"e2m3", 7.5, 1, 0.125, 1, false, false},           // the same
      Row{"e2m1", 6, 1, 0.5, 1, false, false},               // the same, table 4
      Row{"fp16", 65504, 0x1p-14, 0x1p-24, 15, true, true},  // IEEE 754-2019, binary16
      Row{"bf16", 0x1.fep127, 0x1p-126, 0x1p-133, 127, true, true},
  };
  for (const auto& row : kTables) {
    const auto format = format_named(row.name);
    INFO(row.name);
    CHECK(format.largest == row.largest);
    CHECK(format.lowest == -row.largest);
    CHECK(smallest_normal(format) == row.smallest_normal);
    CHECK(smallest_subnormal(format) == row.smallest_subnormal);
    CHECK(bias(format) == row.bias);
    CHECK(has_infinity(format) == row.infinity);
    CHECK(has_nan(format) == row.nan);
  }
}

TEST_CASE("integers of Kumar et al. reach from -2^(b-1) to 2^(b-1) - 1", "[verification][fast]") {
  for (int bits = 2; bits <= 16; ++bits) {
    const auto format = format_named("int" + std::to_string(bits));
    CHECK(format.lowest == -std::ldexp(1, bits - 1));
    CHECK(format.largest == std::ldexp(1, bits - 1) - 1);
    CHECK(format_named("sint" + std::to_string(bits)).lowest == -format.largest);
  }
}
