// Named random streams. A stream is a value; a child depends on its parent and its name only, so one more draw in one
// place moves nothing elsewhere. Draws are a pure function of (stream, counter).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace vernier {

/// Philox 4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

class Stream {
 public:
  explicit Stream(std::uint64_t key) : key_(key) {}

  Stream child(std::string_view purpose) const;
  Stream child(std::uint64_t index) const;

  /// 64 random bits for this counter.
  std::uint64_t bits(std::uint64_t counter) const;
  /// Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t counter) const { return static_cast<double>(bits(counter) >> 11) * 0x1p-53; }
  /// 31 random bits for this counter: the high bits of word counter % 4 of Philox block counter / 4, so that one block
  /// serves four neighbours in a tensor.
  std::int32_t draw31(std::uint64_t counter) const;
  /// Two independent standard normal draws (Box and Muller 1958).
  std::array<double, 2> normals(std::uint64_t counter) const;
  /// Uniform integer in [0, bound); bound > 0. The bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound, std::uint64_t counter) const;

  std::uint64_t key() const { return key_; }

 private:
  std::uint64_t key_;
};

}  // namespace vernier
