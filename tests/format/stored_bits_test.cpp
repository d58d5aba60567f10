#include "format/stored_bits.h"

#include "catch.h"

using namespace vernier;

TEST_CASE("stored bits count elements and scales", "[format][fast]") {
  const auto bits = [](const char* number) { return stored_bits(parse_number(number), 10, 40); };
  CHECK(bits("int4/channel") == 4 * 400 + 32 * 10);
  CHECK(bits("int4/tensor") == 4 * 400 + 32);
  CHECK(bits("e2m1/block32:e8m0") == 4 * 400 + 8 * 20);  // a short last block has a scale too
  CHECK(bits("e2m1/block16:e4m3") == 4 * 400 + 8 * 30 + 32);
  CHECK(bits("bf16") == 16 * 400);
  CHECK(bits("fp32") == 32 * 400);
}
