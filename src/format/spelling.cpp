#include "format/spelling.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>

namespace vernier {

namespace {

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

std::optional<std::string_view> nearest_spelling(std::string_view text, const std::vector<std::string_view>& known) {
  if (known.empty() || text.size() > 64) return std::nullopt;
  const auto nearest = *std::min_element(known.begin(), known.end(),
                                         [&](auto a, auto b) { return distance(text, a) < distance(text, b); });
  return distance(text, nearest) <= 2 ? std::optional(nearest) : std::nullopt;
}

}  // namespace vernier
