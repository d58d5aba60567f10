#include "data/oracle.h"

#include <cmath>
#include <map>
#include <set>

#include "catch.h"

using namespace vernier;
using data::Oracle;

namespace {
using Tokens = std::vector<std::uint16_t>;

/// Small enough that every sequence can be tried; order 3 has more contexts than rows, so it shares them by hashing.
OracleSpec tiny() {
  OracleSpec spec;
  spec.vocab = 3;
  spec.orders = 3;
  spec.contexts = 10;
  spec.candidates = 2;
  spec.copy = 0.2;
  spec.copy_window = 2;
  return spec;
}

/// Every sequence of `count` tokens below `vocab`.
std::vector<Tokens> every_sequence(std::int64_t vocab, std::size_t count) {
  std::vector<Tokens> all{{}};
  for (std::size_t t = 0; t < count; ++t) {
    std::vector<Tokens> longer;
    for (const Tokens& prefix : all)
      for (std::int64_t x = 0; x < vocab; ++x) {
        longer.push_back(prefix);
        longer.back().push_back(static_cast<std::uint16_t>(x));
      }
    all = std::move(longer);
  }
  return all;
}

std::vector<double> probabilities(const Oracle& oracle, const Tokens& prefix) {
  std::vector<double> p(static_cast<std::size_t>(oracle.spec().vocab));
  oracle.probabilities(prefix.data(), static_cast<std::int64_t>(prefix.size()), p.data());
  return p;
}

/// The probability of a whole sequence, as a product of the stated ones.
double product(const Oracle& oracle, const Tokens& tokens) {
  double p = 1;
  for (std::size_t t = 0; t < tokens.size(); ++t) p *= oracle.probability(tokens.data(), static_cast<std::int64_t>(t));
  return p;
}

Tokens made(const Oracle& oracle, std::string_view part, std::int64_t index, std::size_t count) {
  Tokens tokens(count);
  oracle.sequence(part, index, static_cast<std::int64_t>(count), tokens.data());
  return tokens;
}
}  // namespace

TEST_CASE("the stated probabilities sum to one for every prefix", "[data][fast]") {
  const Oracle oracle(tiny());
  double furthest = 0;
  for (std::size_t length = 0; length <= 6; ++length)
    for (const Tokens& prefix : every_sequence(3, length)) {
      double sum = 0;
      for (const double p : probabilities(oracle, prefix)) sum += p;
      furthest = std::max(furthest, std::abs(sum - 1));
    }
  CHECK(furthest < 1e-14);
}

TEST_CASE("the probability of one token is its entry among those of all tokens", "[data][fast]") {
  const Oracle oracle(tiny());
  double furthest = 0;
  for (const Tokens& tokens : every_sequence(3, 7)) {
    const Tokens prefix(tokens.begin(), tokens.end() - 1);
    furthest =
        std::max(furthest, std::abs(oracle.probability(tokens.data(), 6) - probabilities(oracle, prefix)[tokens[6]]));
  }
  CHECK(furthest < 1e-15);
}

TEST_CASE("the formula of the header, worked by hand for one prefix", "[data][fast]") {
  OracleSpec spec = tiny();
  spec.orders = 1;
  const auto [decay, share_of_order0] =
      GENERATE(table<double, double>({{1, 2.0 / 3}, {-1, 1.0 / 3}}));  // weights 1 and 1/2, and 1 and 2
  spec.order_decay = decay;
  const Oracle oracle(spec);
  const Tokens prefix{2, 0, 1, 1};
  const auto p = probabilities(oracle, prefix);
  // Token shares 6/11, 3/11, 2/11 (order 0); the last two tokens are 1, 1 (copying); what is left is order 1's.
  const double order0 = 0.8 * share_of_order0, order1 = 0.8 - order0;
  const std::vector<double> rest{p[0] - order0 * 6 / 11, p[1] - order0 * 3 / 11 - 0.2, p[2] - order0 * 2 / 11};
  double sum = 0;
  for (const double r : rest) {
    sum += r;
    const double share = r / order1;  // of two candidates with shares 2/3 and 1/3
    CHECK(std::min({std::abs(share), std::abs(share - 1.0 / 3), std::abs(share - 2.0 / 3), std::abs(share - 1)}) <
          1e-12);
  }
  CHECK_THAT(sum, Catch::Matchers::WithinAbs(order1, 1e-12));
}

TEST_CASE("sequences come as often as their stated probability says", "[data][fast]") {
  const Oracle oracle(tiny());
  constexpr std::size_t kLength = 5;
  constexpr std::int64_t kDrawn = 400000;
  std::map<Tokens, double> seen;
  for (std::int64_t i = 0; i < kDrawn; ++i) ++seen[made(oracle, "train", i, kLength)];

  double total = 0, furthest = 0;
  for (const Tokens& tokens : every_sequence(3, kLength)) {
    const double p = product(oracle, tokens);
    total += p;
    const double sigma = std::sqrt(p * (1 - p) * kDrawn);
    furthest = std::max(furthest, std::abs(seen[tokens] - p * kDrawn) / sigma);
  }
  CHECK_THAT(total, Catch::Matchers::WithinAbs(1, 1e-12));
  CHECK(furthest < 5);  // sigmas; the largest of 243 is about 3
}

TEST_CASE("the mean negative log of the stated probability is the cross-entropy of the generator", "[data][fast]") {
  const Oracle oracle(tiny());
  constexpr std::size_t kLength = 6;
  double exact = 0;  // entropy of a sequence, over every sequence there is
  for (const Tokens& tokens : every_sequence(3, kLength))
    exact -= product(oracle, tokens) * std::log(product(oracle, tokens));

  constexpr int kDrawn = 200000;
  double realised = 0, squares = 0, expected = 0;
  for (int i = 0; i < kDrawn; ++i) {
    const Tokens tokens = made(oracle, "validation", i, kLength);
    const double surprise = -std::log(product(oracle, tokens));
    realised += surprise / kDrawn;
    squares += (surprise - exact) * (surprise - exact) / kDrawn;
    for (std::size_t t = 0; t < kLength; ++t)
      expected += oracle.entropy(tokens.data(), static_cast<std::int64_t>(t)) / kDrawn;
  }
  const double sigma = std::sqrt(squares / kDrawn);
  CHECK(std::abs(realised - exact) < 5 * sigma);
  CHECK(std::abs(expected - exact) < 5 * sigma);
  CHECK(sigma < 0.01);  // else the two lines above say little
}

TEST_CASE("a sequence does not depend on what was made before it nor on how long it is", "[data][fast]") {
  const OracleSpec spec;
  const Oracle one(spec), other(spec);
  std::vector<Tokens> forward;
  for (std::int64_t i = 0; i < 20; ++i) forward.push_back(made(one, "train", i, 65));
  for (std::int64_t i = 19; i >= 0; --i) {
    const Tokens start = made(other, "train", i, 40);
    CHECK(made(other, "train", i, 65) == forward[static_cast<std::size_t>(i)]);
    CHECK(std::equal(start.begin(), start.end(), forward[static_cast<std::size_t>(i)].begin()));
  }
}

TEST_CASE("training and validation sequences of the oracle are all different", "[data][fast]") {
  const Oracle oracle{OracleSpec{}};
  std::set<Tokens> seen;
  for (std::int64_t i = 0; i < 2000; ++i) {
    seen.insert(made(oracle, "train", i, 65));
    seen.insert(made(oracle, "validation", i, 65));
  }
  CHECK(seen.size() == 4000);
}

TEST_CASE("another seed is another language, and every field of a language is in its digest", "[data][fast]") {
  std::set<std::string> digests{Oracle(tiny()).digest()};
  const auto changed = [&](auto change) {
    OracleSpec spec = tiny();
    change(spec);
    return digests.insert(Oracle(spec).digest()).second;
  };
  CHECK(changed([](OracleSpec& s) { s.seed = 2; }));
  CHECK(changed([](OracleSpec& s) { s.vocab = 4; }));
  CHECK(changed([](OracleSpec& s) { s.orders = 2; }));
  CHECK(changed([](OracleSpec& s) { s.contexts = 11; }));
  CHECK(changed([](OracleSpec& s) { s.candidates = 3; }));
  CHECK(changed([](OracleSpec& s) { s.zipf = 1.1; }));
  CHECK(changed([](OracleSpec& s) { s.token_zipf = 1.1; }));
  CHECK(changed([](OracleSpec& s) { s.order_decay = 0.6; }));
  CHECK(changed([](OracleSpec& s) { s.copy = 0.3; }));
  CHECK(changed([](OracleSpec& s) { s.copy_window = 3; }));
  CHECK(Oracle(tiny()).digest() == Oracle(tiny()).digest());
}

TEST_CASE("a longer context makes the next token more certain", "[data][fast]") {
  // On the tokens of one language, its own entropy lies below the cross-entropy of its shares alone.
  OracleSpec spec;
  spec.copy = 0;
  const Oracle oracle(spec);
  OracleSpec plain = spec;
  plain.orders = 0;
  const Oracle shares(plain);
  double known = 0, unknown = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const Tokens tokens = made(oracle, "validation", i, 33);
    for (std::int64_t t = 1; t < 33; ++t) {
      known -= std::log(oracle.probability(tokens.data(), t));
      unknown -= std::log(shares.probability(tokens.data(), t));
    }
  }
  CHECK(known < 0.9 * unknown);
}

TEST_CASE("every bad value of a language is reported at once", "[data][fast]") {
  OracleSpec spec;
  spec.vocab = 1;
  spec.orders = -1;
  spec.candidates = 0;
  spec.zipf = std::nan("");
  spec.copy = 1;
  const Problems found = data::problems(spec);
  REQUIRE(found.size() == 5);
  CHECK(found[0] == "vocab: expected a whole number from 2 to 65535, got 1");
  CHECK(found[4] == "copy: expected a share from 0 up to but not including 1, got 1");
  CHECK_THROWS_AS(Oracle(spec), Error);
  CHECK(data::problems(OracleSpec{}).empty());
}

TEST_CASE("tables beyond memory are refused before they are made", "[data][fast]") {
  OracleSpec spec;
  spec.contexts = 1 << 26;
  spec.candidates = 256;
  CHECK(data::problems(spec).size() == 1);
}
