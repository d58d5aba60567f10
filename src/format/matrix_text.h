// Matrices as text: one row per line, numbers separated by blanks or tabs, decimal or C hex floats, inf, -inf, nan.
#pragma once

#include <functional>
#include <istream>
#include <string>
#include <string_view>

#include "format/quantize_matrix.h"

namespace vernier {

/// The number that is the whole of `text`, rounded once to fp32; absent where `text` is no number or lies beyond fp32.
std::optional<float> parse_float(std::string_view text);

/// Reads a whole matrix; holds little more than its values, whatever the length of a line. Blank lines may only end it.
/// Throws Error with `source`, line and column (both from 1; the column of text, and which number of the line it is)
/// for what is no number, for rows of unequal length, and where there are no numbers; Failure where reading fails.
Matrix read_matrix(std::istream& in, std::string_view source);

/// As C's "%a" prints it: 0x1.8p-3, 0x0p+0, -inf; every NaN is nan.
void append_hex_float(std::string& text, float value);
std::string hex_float(float value);

/// How one element is printed.
using AppendElement = std::function<void(std::string& text, std::int64_t row, std::int64_t column)>;
/// Takes finished pieces of the output, in order.
using Sink = std::function<void(std::string_view piece)>;

/// What stands around the rows and elements of a printed matrix.
struct Layout {
  std::string_view row_start = "", element_end = " ", row_end = "\n", last_row_end = "\n";
};

/// Every row, in pieces of bounded size.
void write_rows(std::int64_t rows, std::int64_t columns, const Layout& layout, const AppendElement& append,
                const Sink& sink);

}  // namespace vernier
