#include "format/spelling.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>

namespace vernier {

namespace {

constexpr std::size_t kLongest = 64;  ///< letters; nobody means a name by more
constexpr std::size_t kMost = 3;      ///< spellings offered

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Levenshtein distance without regard to case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

/// Those of `known` that the fewest changes of letters lead to, where these are at most `changes`.
std::vector<std::string> at_most(std::size_t changes, std::string_view text,
                                 const std::vector<std::string_view>& known) {
  std::vector<std::string> nearest;
  for (const auto name : known) {
    const std::size_t here = distance(text, name);
    if (here < changes) nearest.clear();
    if (here <= changes) nearest.emplace_back(name);
    changes = std::min(changes, here);
  }
  return nearest;
}

/// e4m3 in float8_e4m3fn.
std::vector<std::string> longest_inside(std::string_view text, const std::vector<std::string_view>& known) {
  std::string lowered(text), longest;
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  for (const auto name : known)
    if (name.size() > longest.size() && lowered.find(name) != std::string::npos) longest = name;
  return longest.empty() ? std::vector<std::string>{} : std::vector{longest};
}

}  // namespace

std::optional<int> plain_number(std::string_view text) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool digits_only =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  if (!digits_only || leading_zero || text.size() > 9) return std::nullopt;
  return problem == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<int> number_after(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? plain_number(text.substr(prefix.size())) : std::nullopt;
}

std::optional<std::pair<int, int>> numbers_in(std::string_view text, std::string_view first, std::string_view second) {
  const auto split = text.find(second, first.size());
  if (!text.starts_with(first) || split == std::string_view::npos) return std::nullopt;
  const auto a = plain_number(text.substr(first.size(), split - first.size()));
  const auto b = plain_number(text.substr(split + second.size()));
  return a && b ? std::optional(std::pair(*a, *b)) : std::nullopt;
}

std::vector<std::string> nearest_spellings(std::string_view text, const std::vector<std::string_view>& known,
                                           std::span<const OtherSpelling> others) {
  if (text.empty() || text.size() > kLongest) return {};
  std::vector<std::string> nearest;
  for (const auto& [other, ours] : others)
    if (distance(text, other) == 0) nearest.emplace_back(ours);
  if (nearest.empty()) nearest = at_most(1, text, known);
  if (nearest.empty()) nearest = longest_inside(text, known);
  if (nearest.empty()) nearest = at_most(2, text, known);
  nearest.resize(std::min(nearest.size(), kMost));
  return nearest;
}

}  // namespace vernier
