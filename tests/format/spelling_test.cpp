#include "format/spelling.h"

#include <array>

#include "catch.h"

using namespace vernier;

TEST_CASE("small spellings are read whole or not at all", "[format][fast]") {
  CHECK(plain_number("32") == 32);
  CHECK(plain_number("0") == 0);
  for (const auto* text : {"", "-1", "+1", "032", "1a", " 1", "1.0", "9999999999"}) CHECK_FALSE(plain_number(text));
  CHECK(number_after("block32", "block") == 32);
  CHECK_FALSE(number_after("blok32", "block"));
  CHECK(numbers_in("e4m3", "e", "m") == std::pair(4, 3));
  CHECK_FALSE(numbers_in("e4", "e", "m"));
  CHECK_FALSE(numbers_in("m3e4", "e", "m"));
}

TEST_CASE("what a spelling may have meant is offered where it is near", "[format][fast]") {
  using Names = std::vector<std::string>;
  CHECK(nearest_spellings("tenary", {"int4", "ternary"}) == Names{"ternary"});
  CHECK(nearest_spellings("E4M3", {"e4m3", "e5m2"}) == Names{"e4m3"});
  CHECK(nearest_spellings("block", {"tensor", "block16", "block32"}) == Names{"block16", "block32"});
  CHECK(nearest_spellings("int", {"int4", "int5", "int6", "int7"}) == Names{"int4", "int5", "int6"});
  CHECK(nearest_spellings("something", {"int4", "ternary"}).empty());
  CHECK(nearest_spellings("", {"x", "int4"}).empty());
}

TEST_CASE("another name, and a known one inside a longer one, are recognised", "[format][fast]") {
  using Names = std::vector<std::string>;
  constexpr std::array kOthers{OtherSpelling{"fp8", "e4m3"}, OtherSpelling{"fp8", "e5m2"}};
  CHECK(nearest_spellings("FP8", {"fp16"}, kOthers) == Names{"e4m3", "e5m2"});
  CHECK(nearest_spellings("float8_e4m3fn", {"e4m3", "m3", "e5m2"}, kOthers) == Names{"e4m3"});
}
