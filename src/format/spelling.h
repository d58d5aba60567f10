// Reading small spellings such as int4, e4m3 or block32, and naming the nearest known one to a wrong one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vernier {

/// The decimal number of at most nine digits, without sign or leading zero, that is the whole of `text`.
std::optional<int> plain_number(std::string_view text);

/// The number in `text` where `text` is `prefix` and a number: 32 in block32.
std::optional<int> number_after(std::string_view text, std::string_view prefix);

/// Both numbers where `text` is `first`, a number, `second`, a number: 4 and 3 in e4m3.
std::optional<std::pair<int, int>> numbers_in(std::string_view text, std::string_view first, std::string_view second);

/// What other libraries and papers call something of ours.
struct OtherSpelling {
  std::string_view other, ours;
};

/// What `text` may have meant, at most three of them: `text` where it is known, else our spellings of that other name,
/// else the known ones that one inserted, deleted or changed letter leads to, else the longest that stands inside it,
/// else those that two letters lead to. Case is ignored; none where all are far.
std::vector<std::string> nearest_spellings(std::string_view text, const std::vector<std::string_view>& known,
                                           std::span<const OtherSpelling> others = {});

}  // namespace vernier
