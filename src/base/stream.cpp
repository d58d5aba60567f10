#include "base/stream.h"

#include <xxhash.h>

#include <cmath>
#include <numbers>

namespace vernier {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiply0 * counter[0], product1 = kMultiply1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

namespace {
std::array<std::uint32_t, 4> block(std::uint64_t key, std::uint64_t counter) {
  return philox4x32({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                    {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
}
std::uint64_t joined(std::uint32_t low, std::uint32_t high) { return low | (static_cast<std::uint64_t>(high) << 32); }
}  // namespace

Stream Stream::child(std::string_view purpose) const {
  return Stream(XXH3_64bits_withSeed(purpose.data(), purpose.size(), key_));
}

Stream Stream::child(std::uint64_t index) const { return Stream(XXH3_64bits_withSeed(&index, sizeof index, ~key_)); }

std::uint64_t Stream::bits(std::uint64_t counter) const {
  const auto words = block(key_, counter);
  return joined(words[0], words[1]);
}

std::int32_t Stream::draw31(std::uint64_t counter) const {
  return static_cast<std::int32_t>(block(key_, counter / 4)[counter % 4] >> 1);
}

std::array<double, 2> Stream::normals(std::uint64_t counter) const {
  const auto words = block(key_, counter);
  const double radius_draw = (static_cast<double>(joined(words[0], words[1]) >> 11) + 1) * 0x1p-53;  // in (0, 1]
  const double angle = 2 * std::numbers::pi * static_cast<double>(joined(words[2], words[3]) >> 11) * 0x1p-53;
  const double radius = std::sqrt(-2 * std::log(radius_draw));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::uint64_t Stream::below(std::uint64_t bound, std::uint64_t counter) const {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits(counter)) * bound) >> 64);
}

}  // namespace vernier
