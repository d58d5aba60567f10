#include "store/csv.h"

#include <algorithm>

#include "base/error.h"

namespace vernier::store {

namespace {

struct Reader {
  std::string_view text;
  const std::string& file;
  std::size_t at = 0, line = 1;

  bool ended() const { return at >= text.size(); }
  /// Length of the line break at `at`, 0 where there is none.
  std::size_t line_break() const {
    if (text.substr(at, 2) == "\r\n") return 2;
    return text[at] == '\n' ? 1 : 0;
  }

  CsvField quoted_field() {
    const std::size_t begin = line;
    CsvField field{.text = "", .quoted = true};
    for (++at; !ended(); ++at) {
      if (text[at] == '"') {
        ++at;
        if (ended() || text[at] != '"') return field;
      }
      if (text[at] == '\n') ++line;
      field.text += text[at];
    }
    throw Error(fmt::format("{}:{}: a quote is left open; expected a closing one", file, begin));
  }

  CsvField field() {
    if (!ended() && text[at] == '"') {
      CsvField found = quoted_field();
      if (!ended() && text[at] != ',' && line_break() == 0)
        throw Error(fmt::format("{}:{}: '{}' follows a closing quote; expected a comma", file, line, text[at]));
      return found;
    }
    CsvField found;
    while (!ended() && text[at] != ',' && line_break() == 0) found.text += text[at++];
    return found;
  }

  CsvRow row() {
    CsvRow found{.fields = {field()}, .line = line};
    while (!ended() && text[at] == ',') {
      ++at;
      found.fields.push_back(field());
    }
    if (!ended()) {
      at += line_break();
      ++line;
    }
    return found;
  }
};

bool blank(const CsvRow& row) { return row.fields.size() == 1 && row.fields[0].text.empty() && !row.fields[0].quoted; }

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  Reader reader{.text = text, .file = file};
  std::vector<CsvRow> rows;
  while (!reader.ended()) {
    const std::size_t line = reader.line;
    CsvRow row = reader.row();
    row.line = line;
    // In a table of one column an empty line could be a missing value; writers leave such lines out, and so do we.
    if (blank(row)) continue;
    if (!rows.empty() && row.fields.size() != rows[0].fields.size())
      throw Error(fmt::format("{}:{}: a row of {} values; expected {}, as in the header", file, line, row.fields.size(),
                              rows[0].fields.size()));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace vernier::store
