// Digests name runs, corpora and checkpoints. XXH3 of 128 bits: collisions are not a concern, forgery is not a threat.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace vernier {

/// Digest of a byte string fed in pieces.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  void add(const void* bytes, std::size_t size);
  void add(std::string_view text) { add(text.data(), text.size()); }
  /// 32 hexadecimal digits.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string digest_of(std::string_view bytes);

}  // namespace vernier
