#include "data/text.h"

#include <unistd.h>

#include <fstream>
#include <set>

#include "catch.h"

using namespace vernier;
using data::Text;
namespace fs = std::filesystem;

namespace {
/// A folder of its own for one test, removed at its end.
struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("vernier-text-{}-{}", getpid(), made_++);
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  fs::path with(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return path / name;
  }
  static inline int made_ = 0;
};

/// Bytes that say where they are: no eight bytes in a row come twice.
std::string numbered(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, ' ');
  const Stream stream(seed);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(stream.below(256, i));
  return bytes;
}

std::string window(const Text& text, Text::Part part, std::int64_t index, std::int64_t context) {
  std::vector<std::uint16_t> tokens(static_cast<std::size_t>(context + 1));
  text.window(part, index, context, tokens.data());
  return {tokens.begin(), tokens.end()};
}

TextSpec spec_of(const fs::path& path, double share = 0.1) { return {path.string(), share}; }
}  // namespace

TEST_CASE("text windows cover each file once, shuffled, and never cross from training into validation",
          "[data][fast]") {
  const Folder folder;
  const std::string first = numbered(20011, 1), second = numbered(15003, 2);
  folder.with("b.txt", second);
  folder.with("a.txt", first);
  folder.with("notes.md", "not text of the corpus");
  const Text text(spec_of(folder.path));
  const std::int64_t context = GENERATE(1, 7, 64, 500);

  const auto expected = [&](Text::Part part) {
    std::multiset<std::string> windows;
    for (const std::string& bytes : {first, second}) {
      const std::size_t cut = bytes.size() - bytes.size() / 10;
      const std::string piece = part == Text::Part::Train ? bytes.substr(0, cut) : bytes.substr(cut);
      const auto step = static_cast<std::size_t>(context);
      for (std::size_t from = 0; from + step + 1 <= piece.size(); from += step)
        windows.insert(piece.substr(from, step + 1));
    }
    return windows;
  };
  for (const Text::Part part : {Text::Part::Train, Text::Part::Validation}) {
    std::multiset<std::string> found;
    for (std::int64_t i = 0; i < text.windows(part, context); ++i) found.insert(window(text, part, i, context));
    CHECK(found == expected(part));
  }
  CHECK(window(text, Text::Part::Train, 0, 64) != first.substr(0, 65));  // shuffled
}

TEST_CASE("answers of spans lie end to end in the held-out part of each file, with their prefixes", "[data][fast]") {
  const Folder folder;
  const std::string first = numbered(2011, 1), second = numbered(1503, 2), brief = "held out: too little";
  folder.with("a.txt", first);
  folder.with("b.txt", brief);
  folder.with("c.txt", second);
  const Text text(spec_of(folder.path, 0.5));
  constexpr std::int64_t kPrefix = 12, kAnswer = 5;
  std::vector<std::string> expected;
  for (const std::string& bytes : {first, second}) {
    const std::string held_out = bytes.substr(bytes.size() - bytes.size() / 2);
    for (std::size_t from = 0; from + kPrefix + kAnswer <= held_out.size(); from += kAnswer)
      expected.push_back(held_out.substr(from, kPrefix + kAnswer));
  }
  REQUIRE(text.spans(Text::Part::Validation, kPrefix, kAnswer) == std::ssize(expected));
  for (std::int64_t i = 0; i < std::ssize(expected); ++i) {
    std::vector<std::uint16_t> tokens(kPrefix + kAnswer);
    text.span(Text::Part::Validation, i, kPrefix, kAnswer, tokens.data());
    CHECK(std::string(tokens.begin(), tokens.end()) == expected[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("the order of text windows depends on the text and not on where it lies", "[data][fast]") {
  const Folder one, other;
  const std::string bytes = numbered(20000, 3);
  const Text a(spec_of(one.with("x.txt", bytes))), b(spec_of(other.with("y.txt", bytes)));
  CHECK(a.digest() == b.digest());
  for (std::int64_t i = 0; i < 50; ++i)
    CHECK(window(a, Text::Part::Train, i, 32) == window(b, Text::Part::Train, i, 32));

  std::string altered = bytes;
  altered[19999] = static_cast<char>(altered[19999] + 1);
  CHECK(Text(spec_of(one.with("x.txt", altered))).digest() != b.digest());
  CHECK(Text(spec_of(other.path, 0.2)).digest() != b.digest());
}

TEST_CASE("bytes above 127 are tokens above 127", "[data][fast]") {
  const Folder folder;
  const Text text(spec_of(folder.with("x.txt", std::string(30000, '\xE9'))));
  std::vector<std::uint16_t> tokens(9);
  text.window(Text::Part::Validation, 0, 8, tokens.data());
  CHECK(tokens == std::vector<std::uint16_t>(9, 0xE9));
}

TEST_CASE("a shuffle is a bijection for every count", "[data][fast]") {
  for (std::int64_t count = 1; count < 300; ++count) {
    std::set<std::int64_t> places;
    for (std::int64_t i = 0; i < count; ++i) places.insert(data::shuffled(i, count, Stream(5)));
    REQUIRE(places.size() == static_cast<std::size_t>(count));
    REQUIRE(*places.begin() == 0);
    REQUIRE(*places.rbegin() == count - 1);
  }
}

TEST_CASE("text that is not there or too short is refused with what was found", "[data][fast]") {
  const Folder folder;
  using Catch::Matchers::ContainsSubstring;
  const auto problem = [](const TextSpec& spec) {
    const Problems found = data::problems(spec);
    REQUIRE(found.size() == 1);
    CHECK_THROWS_AS(Text(spec), Error);
    return found[0];
  };
  CHECK_THAT(problem(spec_of(folder.path / "absent")), ContainsSubstring("nothing at"));
  CHECK_THAT(problem(spec_of(folder.path)), ContainsSubstring("expected a folder with *.txt files, got none"));
  const fs::path little = folder.with("little.txt", std::string(2000, 'x'));
  CHECK_THAT(problem(spec_of(little)), ContainsSubstring("got 1800 and 200"));
  CHECK_THAT(problem(spec_of(folder.with("much.txt", std::string(30000, 'x')), 0.9)),
             ContainsSubstring("validation_share"));
}
