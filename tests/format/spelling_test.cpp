#include "format/spelling.h"

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

TEST_CASE("the nearest spelling is offered where it is near", "[format][fast]") {
  CHECK(nearest_spelling("tenary", {"int4", "ternary"}) == "ternary");
  CHECK(nearest_spelling("E4M3", {"e4m3", "e5m2"}) == "e4m3");
  CHECK_FALSE(nearest_spelling("something", {"int4", "ternary"}));
}
