// CSV as RFC 4180 has it: commas, quotes around fields that need them, a quote inside doubled; LF or CRLF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vernier::store {

struct CsvField {
  std::string text;
  bool quoted = false;  ///< an empty field in quotes is an empty text, without quotes it is missing
};

struct CsvRow {
  std::vector<CsvField> fields;
  std::size_t line = 0;  ///< where it begins, from 1
};

/// The rows of `text`, header included, blank lines left out. Throws Error with `file` and line where a quote is left
/// open, text follows a closing quote, or a row has another number of fields than the first.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& file);

/// A field as it is written: in quotes where it holds a comma, a quote or a line break.
std::string csv_field(std::string_view text);

}  // namespace vernier::store
