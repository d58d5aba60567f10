// Corpora as token sequences. One type for every kind: the oracle language (data/oracle.h) and plain text
// (data/text.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/error.h"
#include "data/oracle.h"
#include "data/text.h"
#include "record/corpus.h"

namespace vernier::data {

/// A corpus that is open: safe to read from several threads at once, as nothing in it changes.
///
/// A sequence is context + 1 tokens: the model reads the first `context` and predicts the last `context`. It is a pure
/// function of (corpus, part, index, context), so a batch may be made anywhere and in any order.
class Corpus {
 public:
  explicit Corpus(Oracle oracle) : source_(std::move(oracle)) {}
  explicit Corpus(Text text) : source_(std::move(text)) {}

  std::int64_t vocab() const;
  /// Names the tokens: two corpora of one digest hold the same ones. 32 hexadecimal digits.
  const std::string& digest() const;
  /// Bytes of text that a token stands for; absent where a token stands for no text.
  std::optional<double> bytes_per_token() const;

  std::int64_t train_sequences_available(std::int64_t context) const;
  std::int64_t validation_sequences_available(std::int64_t context) const;
  /// Tokens that training can predict without reading any twice.
  std::int64_t train_tokens_available(std::int64_t context) const {
    return train_sequences_available(context) * context;
  }

  /// Writes the index-th training sequence, 0 <= index < train_sequences_available(context).
  void train_sequence(std::int64_t index, std::int64_t context, std::uint16_t* tokens) const;
  /// Writes the index-th held-out sequence; none shares a predicted token with training.
  void validation_sequence(std::int64_t index, std::int64_t context, std::uint16_t* tokens) const;

  /// Spans of prefix + answer held-out tokens; no two share a token of their answers.
  std::int64_t held_out_spans(std::int64_t prefix, std::int64_t answer) const;
  /// Writes the prefix + answer tokens of one, 0 <= index < held_out_spans(prefix, answer).
  void held_out_span(std::int64_t index, std::int64_t prefix, std::int64_t answer, std::uint16_t* tokens) const;

  /// The mean over positions first ... last - 1, first > 0, of -ln p(token | all tokens before it) [nats per token];
  /// absent where the corpus does not know p.
  std::optional<double> entropy_of(const std::uint16_t* tokens, std::int64_t first, std::int64_t last) const;
  /// The loss of a perfect model on exactly these tokens: the mean over the `context` predicted positions of
  /// -ln p(token | all tokens before it) [nats per token]; absent where the corpus does not know p. A record's
  /// loss_floor is its mean over the held-out sequences.
  std::optional<double> sequence_entropy(const std::uint16_t* tokens, std::int64_t context) const;
  /// The mean over the same positions of the entropy of p(. | all tokens before it): the same in expectation, with less
  /// noise [nats per token].
  std::optional<double> expected_entropy(const std::uint16_t* tokens, std::int64_t context) const;

 private:
  std::variant<Oracle, Text> source_;
};

/// What is wrong with a corpus spec: bad values, text that cannot be read or is too short to be of use. Empty: it
/// opens.
Problems problems(const CorpusSpec& spec);

/// What a corpus lacks for training on `tokens` without repetition and validating on `validation_tokens`; empty:
/// nothing.
Problems shortage(const Corpus& corpus, std::int64_t tokens, std::int64_t validation_tokens, std::int64_t context);

/// Opens a corpus; throws Error with every problem.
std::shared_ptr<const Corpus> open_corpus(const CorpusSpec& spec);

}  // namespace vernier::data
