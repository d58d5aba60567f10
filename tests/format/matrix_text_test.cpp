#include "format/matrix_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <sstream>

#include "base/error.h"
#include "base/stream.h"
#include "catch.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;

namespace {
Matrix read(const std::string& text) {
  std::istringstream in(text);
  return read_matrix(in, "stdin");
}
}  // namespace

TEST_CASE("a matrix is read from decimal and hex floats, blanks and tabs", "[format][fast]") {
  const Matrix x = read("1 -2.5\t3e-2\n  +0x1.8p-3 -0X10  .5 \r\n");
  CHECK(x.rows == 2);
  CHECK(x.columns == 3);
  CHECK(x.values == std::vector<float>{1, -2.5F, 3e-2F, 0.1875F, -16, 0.5F});
  const Matrix special = read("inf -inf NaN Infinity");
  CHECK(std::isinf(special.values[0]));
  CHECK(special.values[1] < 0);
  CHECK(std::isnan(special.values[2]));
  CHECK(special.columns == 4);
  CHECK(read("1 2\n3 4\n\n \n").rows == 2);
}

TEST_CASE("a decimal is rounded to fp32 once", "[format][fast]") {
  // Just above the tie between 1 and its successor; through double it would fall on the tie, and then to 1.
  CHECK(read("1.000000059604644775390625000000001").values[0] == std::nextafter(1.0F, 2.0F));
  CHECK(read("1e-45").values[0] == 0x1p-149F);
  CHECK(read("1e-60").values[0] == 0);
  CHECK(read("0x1p-149").values[0] == 0x1p-149F);
  CHECK(std::signbit(read("-0").values[0]));
}

TEST_CASE("what is no number is refused with its line and column", "[format][fast]") {
  CHECK_THROWS_WITH(read("1 2\n3 x4\n"),
                    ContainsSubstring("stdin: line 2, column 3 (number 2 of the line)") && ContainsSubstring("'x4'"));
  CHECK_THROWS_WITH(read("1, 2"), ContainsSubstring("line 1, column 1"));
  for (const auto* text : {"--1", "+-1", "1e",   "0x",   "0xg", "1.2.3", "1e99", "-0x1p200", "0xinf", "0xnan", "1_0",
                           "1f",  "e5",  "nanx", "\x01", ".",   "0x.",   "0x1p", "0x1p+",    "1,",    "1e999", "--5"})
    CHECK_THROWS_AS(read(text), Error);
  CHECK_THROWS_WITH(read("\xef\xbb\xbf"
                         "1 2"),
                    ContainsSubstring("column 1 ") && ContainsSubstring("'\\xef\\xbb\\xbf1'"));
}

TEST_CASE("a number too long to be one is refused wherever it stands, never cut into two", "[format][fast]") {
  const std::string longest = "0." + std::string(9000, '0') + "1";
  CHECK_THROWS_WITH(read(longest), ContainsSubstring("line 1, column 1 "));
  for (std::size_t before = (1 << 20) - 9100; before < (1 << 20) + 100; before += 500)
    CHECK_THROWS_WITH(read(std::string(before, ' ') + longest + " 5"),
                      ContainsSubstring(fmt::format("column {} ", before + 1)));
}

TEST_CASE("input that cannot be read to its end is a failure, not a short matrix", "[format][fast]") {
  struct Broken : std::stringbuf {
    int_type underflow() override { throw std::runtime_error("broken"); }
    std::streamsize xsgetn(char*, std::streamsize) override { throw std::runtime_error("broken"); }
  } broken;
  std::istream in(&broken);
  CHECK_THROWS_AS(read_matrix(in, "stdin"), Failure);
}

TEST_CASE("rows of unequal length, blank lines between rows and empty input are refused", "[format][fast]") {
  CHECK_THROWS_WITH(read("1 2 3\n4 5\n"),
                    ContainsSubstring("line 2") && ContainsSubstring("expected 3 numbers as in line 1, got 2"));
  CHECK_THROWS_WITH(read("1 2\n3 4 5"), ContainsSubstring("line 2"));
  CHECK_THROWS_WITH(read("1 2\n\n3 4"), ContainsSubstring("line 2, column 1") && ContainsSubstring("blank line"));
  CHECK_THROWS_WITH(read(""), ContainsSubstring("expected numbers, got none"));
  CHECK_THROWS_WITH(read("\n\n"), ContainsSubstring("expected numbers, got none"));
  CHECK_THROWS_WITH(read(std::string(3000000, '7')), ContainsSubstring("line 1, column 1"));
}

TEST_CASE("numbers that straddle the pieces of reading survive", "[format][fast]") {
  std::string text;
  for (int row = 0; row < 300; ++row) {
    for (int column = 0; column < 700; ++column) text += std::to_string(row * 700 + column) + ".25 ";
    text += '\n';
  }
  const Matrix x = read(text);
  CHECK(x.rows == 300);
  CHECK(x.columns == 700);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < x.values.size(); ++i) wrong += x.values[i] != static_cast<float>(i) + 0.25F;
  CHECK(wrong == 0);
}

TEST_CASE("hex floats are printed as C prints them and read back to the same bits", "[format][fast]") {
  const auto as_c_prints = [](float value) {
    char text[64];
    std::snprintf(text, sizeof text, "%a", static_cast<double>(value));
    return std::string(text);
  };
  for (const float value :
       {0.0F, -0.0F, 1.0F, -1.5F, 0.1F, 3e38F, 0x1p-126F, 0x1p-149F, -0x1.8p-140F, 0x1.fffffcp-127F, 448.0F})
    CHECK(hex_float(value) == as_c_prints(value));
  std::size_t wrong = 0;
  const Stream draws(3);
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const auto bits = static_cast<std::uint32_t>(draws.bits(i));
    const auto value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    const auto back = parse_float(hex_float(value));
    wrong += !back || std::bit_cast<std::uint32_t>(*back) != bits || hex_float(value) != as_c_prints(value);
  }
  CHECK(wrong == 0);
  CHECK(hex_float(-std::numeric_limits<float>::quiet_NaN()) == "nan");
  CHECK(hex_float(-std::numeric_limits<float>::infinity()) == "-inf");
}

TEST_CASE("rows are written with the layout's separators", "[format][fast]") {
  std::string all;
  const auto append = [](std::string& text, std::int64_t row, std::int64_t column) {
    text += std::to_string(10 * row + column);
  };
  const auto sink = [&](std::string_view piece) { all += piece; };
  write_rows(2, 3, {}, append, sink);
  CHECK(all == "0 1 2\n10 11 12\n");
  all.clear();
  write_rows(2, 2, {"[", ", ", "], ", "]"}, append, sink);
  CHECK(all == "[0, 1], [10, 11]");
}
