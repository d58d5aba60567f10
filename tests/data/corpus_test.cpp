#include "data/corpus.h"

#include <unistd.h>

#include <fstream>

#include "catch.h"

using namespace vernier;

TEST_CASE("the oracle corpus knows the entropy of its held-out tokens", "[data][fast]") {
  const auto corpus = data::open_corpus(CorpusSpec{});
  CHECK(corpus->vocab() == OracleSpec{}.vocab);
  CHECK_FALSE(corpus->bytes_per_token());
  constexpr std::int64_t kContext = 64;
  std::vector<std::uint16_t> tokens(kContext + 1);
  double realised = 0, expected = 0;
  constexpr int kSequences = 2000;
  for (int i = 0; i < kSequences; ++i) {
    corpus->validation_sequence(i, kContext, tokens.data());
    realised += corpus->sequence_entropy(tokens.data(), kContext).value() / kSequences;
    expected += corpus->expected_entropy(tokens.data(), kContext).value() / kSequences;
  }
  CHECK_THAT(realised, Catch::Matchers::WithinAbs(expected, 0.02));  // 128 thousand draws of deviation about one
  CHECK(realised < std::log(static_cast<double>(corpus->vocab())));
}

TEST_CASE("the floor of a sequence leaves out its first token, which nothing predicts", "[data][fast]") {
  const data::Oracle oracle{OracleSpec{}};
  const data::Corpus corpus(oracle);
  std::vector<std::uint16_t> tokens(3);
  corpus.validation_sequence(4, 2, tokens.data());
  const double by_hand =
      -(std::log(oracle.probability(tokens.data(), 1)) + std::log(oracle.probability(tokens.data(), 2))) / 2;
  CHECK_THAT(corpus.sequence_entropy(tokens.data(), 2).value(), Catch::Matchers::WithinAbs(by_hand, 1e-15));
}

TEST_CASE("a text corpus counts bytes, has no known entropy and says when it is too short", "[data][fast]") {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("vernier-corpus-{}.txt", getpid());
  std::ofstream(path) << std::string(100000, 'x');
  CorpusSpec spec;
  spec.kind = "text";
  spec.text = {path.string(), 0.02};
  const auto corpus = data::open_corpus(spec);
  std::filesystem::remove(path);
  CHECK(corpus->vocab() == 256);
  CHECK(corpus->bytes_per_token() == 1.0);
  CHECK(corpus->train_tokens_available(128) == 765 * 128);  // 98000 bytes, of which the first is predicted by none
  CHECK(corpus->validation_sequences_available(128) == 15);
  std::vector<std::uint16_t> tokens(129);
  corpus->train_sequence(0, 128, tokens.data());
  CHECK_FALSE(corpus->sequence_entropy(tokens.data(), 128));
  CHECK_FALSE(corpus->expected_entropy(tokens.data(), 128));

  CHECK(data::shortage(*corpus, 97920, 1920, 128).empty());
  const Problems found = data::shortage(*corpus, 97921, 1921, 128);
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "tokens: expected at most 97920, all that the corpus has for training, got 97921");
}

TEST_CASE("a corpus of no known kind is refused with those that are", "[data][fast]") {
  CorpusSpec spec;
  spec.kind = "orakel";
  REQUIRE(data::problems(spec).size() == 1);
  CHECK(data::problems(spec)[0] == "kind: no corpus is called 'orakel'; known: oracle, text");
  CHECK_THROWS_AS(data::open_corpus(spec), Error);
}
