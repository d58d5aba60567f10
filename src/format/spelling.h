// Reading small spellings such as int4, e4m3 or block32, and naming the nearest known one to a wrong one.
#pragma once

#include <optional>
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

/// The known spelling that the fewest inserted, deleted or changed letters lead to, where at most two do; case is
/// ignored.
std::optional<std::string_view> nearest_spelling(std::string_view text, const std::vector<std::string_view>& known);

}  // namespace vernier
