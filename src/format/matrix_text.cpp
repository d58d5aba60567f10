#include "format/matrix_text.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace vernier {

namespace {

constexpr std::size_t kPiece = 1 << 20;       ///< characters read or written at once
constexpr std::size_t kLongestNumber = 4096;  ///< characters; more than an exact decimal needs, so a wrong file

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

/// `text` for an error message: short, and nothing that upsets a terminal.
std::string quoted(std::string_view text) {
  const auto start = text.substr(0, 40);
  std::string shown;
  for (const char c : start)
    shown += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return fmt::format("'{}{}'", shown, text.size() > start.size() ? "..." : "");
}

/// from_chars says "out of range" both above and below fp32; strtof then tells a rounding to zero from an overflow.
std::optional<float> parse_at_the_edge(const std::string& text) {
  const float value = std::strtof(text.c_str(), nullptr);
  return std::isinf(value) ? std::nullopt : std::optional(value);
}

/// Splits text that comes in pieces into lines and numbers, and fills a matrix.
class Reader {
 public:
  Reader(std::string_view source, Matrix& matrix) : source_(source), matrix_(matrix) {}

  /// Takes what is complete in `text` and returns how much that was; the rest belongs to the next piece.
  std::size_t take(std::string_view text, bool last) {
    std::size_t at = 0;
    while (at < text.size()) {
      if (text[at] == '\n') {
        end_line();
        ++at;
      } else if (is_blank(text[at])) {
        ++at;
        ++column_;
      } else {
        std::size_t end = at;
        while (end < text.size() && text[end] != '\n' && !is_blank(text[end])) ++end;
        if (end == text.size() && !last && end - at <= kLongestNumber) return at;
        add(text.substr(at, end - at));
        column_ += static_cast<std::int64_t>(end - at);
        at = end;
      }
    }
    if (last) finish();
    return at;
  }

 private:
  void add(std::string_view token) {
    if (first_blank_line_ != 0)
      throw Error(fmt::format("{}: line {}, column 1: expected numbers, got a blank line before a row", source_,
                              first_blank_line_));
    // A longer one may have come in pieces, so none is read.
    const auto value = token.size() > kLongestNumber ? std::nullopt : parse_float(token);
    if (!value)
      throw Error(
          fmt::format("{}: line {}, column {} (number {} of the line): expected a number within fp32 (decimal, hex "
                      "float, inf, nan), got {}",
                      source_, line_, column_, in_line_ + 1, quoted(token)));
    matrix_.values.push_back(*value);
    ++in_line_;
    if (matrix_.rows > 0 && in_line_ > matrix_.columns)
      throw Error(fmt::format("{}: line {}, column {}: expected {} numbers as in line 1, got more", source_, line_,
                              column_, matrix_.columns));
  }

  void end_line() {
    if (in_line_ == 0) {
      if (first_blank_line_ == 0) first_blank_line_ = line_;
    } else {
      if (matrix_.rows == 0) matrix_.columns = in_line_;
      if (in_line_ != matrix_.columns)
        throw Error(fmt::format("{}: line {}, column {}: expected {} numbers as in line 1, got {}", source_, line_,
                                column_, matrix_.columns, in_line_));
      ++matrix_.rows;
    }
    ++line_;
    column_ = 1;
    in_line_ = 0;
  }

  void finish() {
    if (in_line_ > 0) end_line();
    if (matrix_.rows == 0) throw Error(fmt::format("{}: line 1, column 1: expected numbers, got none", source_));
  }

  std::string_view source_;
  Matrix& matrix_;
  std::int64_t line_ = 1, column_ = 1;
  std::int64_t in_line_ = 0;           ///< numbers in this line so far
  std::int64_t first_blank_line_ = 0;  ///< of those since the last row; 0: none
};

}  // namespace

std::optional<float> parse_float(std::string_view text) {
  const std::string_view whole = text;
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (hex) text.remove_prefix(2);
  // from_chars would take a second sign here.
  if (text.empty() || text[0] == '-' || (hex && (text[0] == 'i' || text[0] == 'I' || text[0] == 'n' || text[0] == 'N')))
    return std::nullopt;
  float value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, hex ? std::chars_format::hex : std::chars_format::general);
  if (read.ptr != end) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) return parse_at_the_edge(std::string(whole));
  if (read.ec != std::errc()) return std::nullopt;
  if (std::isinf(value) && text[0] != 'i' && text[0] != 'I') return std::nullopt;
  return negative ? -value : value;
}

Matrix read_matrix(std::istream& in, std::string_view source) {
  Matrix matrix;
  Reader reader(source, matrix);
  std::string buffer;
  std::size_t held = 0;  // characters of an unfinished number, at the start of the buffer
  bool last = false;
  while (!last) {
    buffer.resize(held + kPiece);
    in.read(buffer.data() + held, static_cast<std::streamsize>(kPiece));
    if (in.bad()) throw Failure(fmt::format("{}: cannot be read", source));
    const std::size_t size = held + static_cast<std::size_t>(in.gcount());
    last = !in;
    const std::size_t taken = reader.take({buffer.data(), size}, last);
    held = size - taken;
    std::memmove(buffer.data(), buffer.data() + taken, held);
  }
  return matrix;
}

void append_hex_float(std::string& text, float value) {
  constexpr int kFractionBits = 23, kBias = 127;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    text += "nan";
    return;
  }
  if (bits >> 31 != 0) text += '-';
  if (std::isinf(value)) {
    text += "inf";
    return;
  }
  std::uint32_t fraction = bits & ((1U << kFractionBits) - 1);
  int exponent = static_cast<int>(bits >> kFractionBits & 0xFF);
  if (exponent == 0) {  // zero or subnormal: a subnormal is printed as the normal double it is
    if (fraction == 0) {
      text += "0x0p+0";
      return;
    }
    const int shift = std::countl_zero(fraction) - (31 - kFractionBits);
    fraction = (fraction << shift) & ((1U << kFractionBits) - 1);
    exponent = 1 - shift;
  }
  text += "0x1";
  if (fraction != 0) text += '.';
  for (std::uint32_t rest = fraction << (32 - kFractionBits); rest != 0; rest <<= 4)
    text += "0123456789abcdef"[rest >> 28];
  exponent -= kBias;
  text += exponent < 0 ? "p-" : "p+";
  fmt::format_to(std::back_inserter(text), "{}", std::abs(exponent));
}

std::string hex_float(float value) {
  std::string text;
  append_hex_float(text, value);
  return text;
}

void write_rows(std::int64_t rows, std::int64_t columns, const Layout& layout, const AppendElement& append,
                const Sink& sink) {
  std::string piece;
  for (std::int64_t row = 0; row < rows; ++row) {
    piece += layout.row_start;
    for (std::int64_t column = 0; column < columns; ++column) {
      if (column > 0) piece += layout.element_end;
      append(piece, row, column);
      if (piece.size() >= kPiece) {
        sink(piece);
        piece.clear();
      }
    }
    piece += row + 1 < rows ? layout.row_end : layout.last_row_end;
  }
  sink(piece);
}

}  // namespace vernier
