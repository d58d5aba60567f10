// Plain text as bytes: vocabulary 256, a token is a byte. The end of every file is held out for validation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stream.h"
#include "record/corpus.h"

namespace vernier::data {

/// Windows of context + 1 bytes lie end to end in each file, sharing one byte with their neighbours, so that every byte
/// is predicted at most once; they are read in one fixed shuffled order that depends on nothing but the text. No epoch
/// is repeated.
class Text {
 public:
  enum class Part { Train, Validation };

  /// Reads the files; throws Error where they cannot be read.
  explicit Text(const TextSpec& spec);

  const std::string& digest() const { return digest_; }
  std::int64_t windows(Part part, std::int64_t context) const;
  void window(Part part, std::int64_t index, std::int64_t context, std::uint16_t* tokens) const;

  /// Spans of prefix + answer bytes, their answers end to end from the first that has its prefix in the same part of
  /// the same file.
  std::int64_t spans(Part part, std::int64_t prefix, std::int64_t answer) const;
  void span(Part part, std::int64_t index, std::int64_t prefix, std::int64_t answer, std::uint16_t* tokens) const;

 private:
  struct File {
    std::string bytes;
    std::int64_t cut = 0;  ///< validation begins here [bytes]
  };
  std::string_view part_of(const File& file, Part part) const;

  std::vector<File> files_;
  std::string digest_;
};

Problems problems(const TextSpec& spec);

/// The place of `index` in a fixed shuffle of 0 ... count - 1 named by `stream`: a bijection (a Feistel network of four
/// rounds over the next even power of two, walked until it lands below count; Black and Rogaway, "Ciphers with
/// arbitrary finite domains", CT-RSA 2002).
std::int64_t shuffled(std::int64_t index, std::int64_t count, const Stream& stream);

}  // namespace vernier::data
