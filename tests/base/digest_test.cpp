#include "base/digest.h"

#include "catch.h"

using namespace vernier;

TEST_CASE("the digest is XXH3 of 128 bits, whole or in pieces", "[base][fast]") {
  CHECK(digest_of("") == "99aa06d3014798d86001c324468d497f");  // xxHash's own test vector for the empty input
  Digest pieces;
  pieces.add("ver");
  pieces.add("nier");
  CHECK(pieces.hex() == digest_of("vernier"));
  CHECK(digest_of("vernier") != digest_of("Vernier"));
}
