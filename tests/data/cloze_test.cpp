#include "data/cloze.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <set>

#include "catch.h"

using namespace vernier;
using namespace vernier::data;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
namespace fs = std::filesystem;

namespace {

constexpr ClozeSpec kSmall{.items = 200, .choices = 4, .answer = 4, .prefix = 16, .seed = 1};

struct TextFile {
  fs::path path = fs::temp_directory_path() / fmt::format("vernier-cloze-{}-{}.txt", getpid(), made_++);
  std::string bytes;
  explicit TextFile(std::string content) : bytes(std::move(content)) { std::ofstream(path, std::ios::binary) << bytes; }
  ~TextFile() { fs::remove(path); }
  std::string held_out() const { return bytes.substr(bytes.size() - bytes.size() / 2); }
  std::shared_ptr<const Corpus> opened() const {
    CorpusSpec spec;
    spec.kind = "text";
    spec.text = {path.string(), 0.5};
    return open_corpus(spec);
  }
  static inline int made_ = 0;
};

/// Words of a made-up language, the common ones often.
std::string words(std::size_t size) {
  std::string text;
  const Stream stream(7);
  for (std::uint64_t i = 0; text.size() < size; ++i) {
    const auto word = static_cast<std::uint64_t>(std::pow(400, stream.uniform(i)));
    const Stream letters = stream.child(word);
    for (std::uint64_t l = 0; l < 2 + letters.below(6, 99); ++l) text += static_cast<char>('a' + letters.below(26, l));
    text += ' ';
  }
  return text.substr(0, size);
}

/// Bytes of which no eight in a row come twice, so that a span says where it lies.
std::string unlike(std::size_t size) {
  std::string bytes(size, ' ');
  const Stream stream(3);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(stream.below(256, i));
  return bytes;
}

std::string text_of(const std::vector<std::uint16_t>& tokens) { return {tokens.begin(), tokens.end()}; }

std::shared_ptr<const Corpus> oracle() { return open_corpus(CorpusSpec{}); }

/// Shares of tokens in the training part, counted by the test.
std::vector<double> unigrams(const Corpus& corpus) {
  std::vector<double> share(static_cast<std::size_t>(corpus.vocab()), 1e-6);
  std::vector<std::uint16_t> tokens(101);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(2000, corpus.train_sequences_available(100)); ++i) {
    corpus.train_sequence(i, 100, tokens.data());
    for (const auto token : tokens) ++share[token];
  }
  const double sum = std::accumulate(share.begin(), share.end(), 0.0);
  for (double& s : share) s /= sum;
  return share;
}

/// Loss of a choice as a scorer sees it that does not look at the prefix.
using Blind = std::function<double(const std::vector<std::uint16_t>& choice, std::size_t place)>;

TaskResult result_of_blind(const Cloze& cloze, const Blind& loss) {
  std::vector<double> losses;
  for (const ClozeItem& item : cloze.items)
    for (std::size_t c = 0; c < item.choices.size(); ++c) losses.push_back(loss(item.choices[c], c));
  return result_of(cloze, losses).value();
}

Blind unigram_scorer(const Corpus& corpus) {
  return [share = unigrams(corpus)](const std::vector<std::uint16_t>& choice, std::size_t) {
    double loss = 0;
    for (const auto token : choice) loss -= std::log(share[token]) / static_cast<double>(choice.size());
    return loss;
  };
}

/// Every scorer that is blind, and how often it is right by chance over several draws of the items.
void check_chance(const Corpus& corpus, ClozeSpec spec) {
  const std::vector<Blind> scorers{
      unigram_scorer(corpus), [](const auto&, std::size_t place) { return static_cast<double>(place); },
      [](const auto&, std::size_t place) { return -static_cast<double>(place); },
      [](const auto& choice, std::size_t) { return Stream(9).child(text_of(choice)).uniform(0); },
      [](const auto&, std::size_t) { return 1.0; }};
  for (std::size_t s = 0; s < scorers.size(); ++s) {
    double sum = 0, variance = 0;
    constexpr int kDraws = 5;
    for (spec.seed = 1; spec.seed <= kDraws; ++spec.seed) {
      const TaskResult result = result_of_blind(cloze_of(spec, corpus), scorers[s]);
      sum += result.accuracy / kDraws;
      variance += std::pow(result.accuracy_se / kDraws, 2);
    }
    INFO("scorer " << s);
    CHECK_THAT(sum, WithinAbs(1 / static_cast<double>(spec.choices), 3 * std::sqrt(variance) + 1e-12));
  }
}

}  // namespace

TEST_CASE("items are what the spec asks for, each with choices that are all different", "[data][fast]") {
  const TextFile text(words(60000));
  const auto corpus = GENERATE_COPY(oracle(), text.opened());
  const Cloze cloze = cloze_of(kSmall, *corpus);
  REQUIRE(cloze.items.size() == 200);
  std::array<int, 4> rights{};
  for (const ClozeItem& item : cloze.items) {
    REQUIRE(item.choices.size() == 4);
    CHECK(item.prefix.size() == 16);
    for (const auto& choice : item.choices) CHECK(choice.size() == 4);
    CHECK(std::set(item.choices.begin(), item.choices.end()).size() == 4);
    ++rights.at(item.right);
  }
  for (const int count : rights) CHECK((count > 20 && count < 80));  // 50 with a deviation of 6
}

TEST_CASE("the same items are made again, and other ones by another seed", "[data][fast]") {
  const TextFile text(words(60000));
  const auto corpus = GENERATE_COPY(oracle(), text.opened());
  const auto same = [](const Cloze& a, const Cloze& b) {
    return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                      [](const ClozeItem& x, const ClozeItem& y) {
                        return x.prefix == y.prefix && x.choices == y.choices && x.right == y.right;
                      });
  };
  ClozeSpec other = kSmall;
  other.seed = 2;
  const Cloze cloze = cloze_of(kSmall, *corpus);
  CHECK(same(cloze, cloze_of(kSmall, *corpus)));
  CHECK(!same(cloze, cloze_of(other, *corpus)));
}

TEST_CASE("the choices of an item are of like frequency", "[data][fast]") {
  const TextFile text(words(60000));
  const auto corpus = GENERATE_COPY(oracle(), text.opened());
  const Cloze cloze = cloze_of(kSmall, *corpus);
  const Blind loss = unigram_scorer(*corpus);
  std::vector<double> all;
  double within = 0;
  for (const ClozeItem& item : cloze.items) {
    std::vector<double> losses;
    for (const auto& choice : item.choices) losses.push_back(loss(choice, 0));
    const auto [least, most] = std::minmax_element(losses.begin(), losses.end());
    within += (*most - *least) / 200;
    all.insert(all.end(), losses.begin(), losses.end());
  }
  std::sort(all.begin(), all.end());
  CHECK(within < 0.05 * (all[all.size() * 9 / 10] - all[all.size() / 10]));
}

TEST_CASE("the right choice follows its prefix in the held-out text, and no two answers share a byte", "[data][fast]") {
  const TextFile text(unlike(9000));
  ClozeSpec spec = kSmall;
  spec.items = 250;
  spec.answer = 4;
  const Cloze cloze = cloze_of(spec, *text.opened());
  const std::string held_out = text.held_out();
  std::vector<std::size_t> places;
  for (const ClozeItem& item : cloze.items) {
    const std::string right = text_of(sequence_of(item, item.right));
    REQUIRE(right.size() == 20);
    CHECK(held_out.find(right) != std::string::npos);
    for (std::size_t c = 0; c < item.choices.size(); ++c) {
      places.push_back(held_out.find(text_of(item.choices[c])));
      CHECK((held_out.find(text_of(sequence_of(item, c))) != std::string::npos) == (c == item.right));
    }
  }
  std::sort(places.begin(), places.end());
  REQUIRE(places.back() != std::string::npos);
  CHECK(places.front() >= 16);
  for (std::size_t i = 1; i < places.size(); ++i) CHECK(places[i] - places[i - 1] >= 4);
}

TEST_CASE("a span of the oracle is the beginning of a held-out sequence", "[data][fast]") {
  const auto corpus = oracle();
  std::vector<std::uint16_t> span(12), sequence(65);
  corpus->held_out_span(17, 8, 4, span.data());
  corpus->validation_sequence(17, 64, sequence.data());
  CHECK(std::equal(span.begin(), span.end(), sequence.begin()));
}

TEST_CASE("whoever does not look at the prefix is right by chance", "[data][fast]") {
  const TextFile text(words(400000));
  ClozeSpec spec;
  spec.choices = GENERATE(2, 4, 5);
  check_chance(*oracle(), spec);
  check_chance(*text.opened(), spec);
}

TEST_CASE("whoever does not look at the prefix is right by chance on novels", "[data][fast]") {
  const fs::path novels = fs::path(VERNIER_SOURCE_DIR).parent_path() / "shared" / "corpus" / "novels";
  if (!fs::exists(novels)) {
    WARN("SKIPPED: the corpus of novels is not there");
    return;
  }
  CorpusSpec spec;
  spec.kind = "text";
  spec.text = {novels.string(), 0.02};
  check_chance(*open_corpus(spec), {});
}

TEST_CASE("whoever knows the oracle is right far more often, and its loss is the floor", "[data][fast]") {
  const Oracle language{OracleSpec{}};
  const auto corpus = oracle();
  const Cloze cloze = cloze_of({}, *corpus);
  REQUIRE(cloze.known);
  std::vector<double> losses;
  for (const ClozeItem& item : cloze.items)
    for (std::size_t c = 0; c < item.choices.size(); ++c) {
      const auto tokens = sequence_of(item, c);
      double loss = 0;
      for (std::int64_t t = 32; t < 36; ++t) loss -= std::log(language.probability(tokens.data(), t)) / 4;
      losses.push_back(loss);
    }
  const TaskResult by_hand = result_of(cloze, losses).value();
  CHECK_THAT(cloze.known->loss, WithinAbs(by_hand.loss, 1e-12));
  CHECK(cloze.known->accuracy == by_hand.accuracy);
  CHECK(by_hand.accuracy > 0.25 + 10 * by_hand.accuracy_se);
  CHECK(by_hand.loss < result_of_blind(cloze, unigram_scorer(*corpus)).loss - 0.3);
  const TextFile text(words(60000));
  CHECK_FALSE(cloze_of(kSmall, *text.opened()).known);
}

TEST_CASE("a result is mean and standard error over items; ties share the credit", "[data][fast]") {
  Cloze cloze{{.items = 4, .choices = 2, .answer = 1, .prefix = 1}, {}, {}};
  for (const std::size_t right : {0, 1, 0, 1}) cloze.items.push_back({{0}, {{1}, {2}}, right});
  const TaskResult result = result_of(cloze, {1, 2, 5, 3, 4, 2, 2.5, 2.5}).value();
  CHECK_THAT(result.loss, WithinAbs((1 + 3 + 4 + 2.5) / 4, 1e-15));
  CHECK_THAT(result.accuracy, WithinAbs((1 + 1 + 0 + 0.5) / 4, 1e-15));
  CHECK_THAT(result.loss_se,
             WithinAbs(std::sqrt((1.625 * 1.625 + 0.375 * 0.375 + 1.375 * 1.375 + 0.125 * 0.125) / 12), 1e-15));
  CHECK_THAT(result.accuracy_se, WithinAbs(std::sqrt((2 * 0.375 * 0.375 + 0.625 * 0.625 + 0.125 * 0.125) / 12), 1e-15));
  CHECK_FALSE(result_of(cloze, {1, 2, 5, 3, 4, NAN, 2.5, 2.5}));
  CHECK_FALSE(result_of(cloze, {1, INFINITY, 5, 3, 4, 2, 2.5, 2.5}));
}

TEST_CASE("tasks that cannot be are refused with place, value and expectation", "[data][fast]") {
  const auto corpus = oracle();
  const auto only = [&](const ClozeSpec& spec, const Corpus& of) {
    const Problems found = problems(spec, of, 128);
    REQUIRE(found.size() == 1);
    CHECK_THROWS_AS(cloze_of(spec, of), Error);
    return found[0];
  };
  CHECK(problems({}, *corpus, 36).empty());
  CHECK(problems({}, *corpus, 35).at(0) ==
        "prefix: expected prefix + answer of at most 35 tokens, the context, got 36");
  CHECK(problems({.items = 1000, .answer = 1}, *corpus, 128).empty());  // of 64 different answers
  CHECK_THAT(only({.items = 0}, *corpus), ContainsSubstring("items: expected a whole number from 1 to"));
  CHECK_THAT(only({.choices = 1}, *corpus), ContainsSubstring("choices: expected a whole number from 2 to"));
  CHECK_THAT(only({.answer = 0}, *corpus), ContainsSubstring("answer: expected a whole number from 1 to"));
  CHECK_THAT(only({.prefix = 0}, *corpus), ContainsSubstring("prefix: expected a whole number from 1 to"));
  CHECK(problems({.items = 0, .choices = 0, .answer = 0, .prefix = 0}, *corpus, 128).size() == 4);
  CHECK(only({.items = 1, .choices = 65, .answer = 1}, *corpus) ==
        "choices: expected at most 64, all answers that a vocabulary of 64 has, got 65");
  const TextFile text(unlike(2048));
  CHECK(problems({.items = 62}, *text.opened(), 128).empty());  // (1024 - 32) / 4 spans
  CHECK(only({.items = 63}, *text.opened()) ==
        "items: expected items x choices of at most 248, the spans of 32 + 4 tokens in the held-out part, got 252");
  const TextFile dull(std::string(99996, 'x') + "y");
  CHECK(only({.items = 5, .choices = 3}, *dull.opened()) ==
        "choices: expected at most 1, as one answer of 4 tokens makes up 15 of the 15 spans that were drawn, got 3");
}

TEST_CASE("answers are asked for as often as they come in the language", "[data][fast]") {
  const auto corpus = oracle();
  const Cloze cloze = cloze_of({.items = 4000, .choices = 4, .answer = 1, .prefix = 16}, *corpus);
  std::vector<double> asked(64);
  for (const ClozeItem& item : cloze.items) asked[item.choices[item.right][0]] += 1.0 / 4000;
  const auto share = unigrams(*corpus);
  for (std::size_t token = 0; token < 64; ++token)
    CHECK_THAT(asked[token], WithinAbs(share[token], 4.5 * std::sqrt(share[token] / 4000)));
}
