#include "base/stream.h"

#include <cmath>

#include "catch.h"

using namespace vernier;

TEST_CASE("philox gives the known answers of Random123", "[base][fast]") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a child stream depends on its parent and its name only", "[base][fast]") {
  const Stream root(7);
  CHECK(root.child("init").bits(3) == Stream(7).child("init").bits(3));
  CHECK(root.child("init").key() != root.child("data").key());
  CHECK(root.child("init").key() != Stream(8).child("init").key());
  CHECK(root.child(std::uint64_t{1}).key() != root.child(std::uint64_t{2}).key());
}

TEST_CASE("draws have the moments of their distributions", "[base][fast]") {
  const Stream stream = Stream(1).child("moments");
  constexpr int kDraws = 100000;
  double uniform = 0, normal = 0, square = 0, below = 0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    uniform += stream.uniform(i) / kDraws;
    const auto [a, b] = stream.normals(i);
    normal += (a + b) / (2 * kDraws);
    square += (a * a + b * b) / (2 * kDraws);
    below += static_cast<double>(stream.below(10, i)) / kDraws;
  }
  CHECK(std::abs(uniform - 0.5) < 5 * std::sqrt(1.0 / 12 / kDraws));
  CHECK(std::abs(normal) < 5 * std::sqrt(0.5 / kDraws));
  CHECK(std::abs(square - 1) < 5 * std::sqrt(1.0 / kDraws));
  CHECK(std::abs(below - 4.5) < 5 * std::sqrt(8.25 / kDraws));
}
