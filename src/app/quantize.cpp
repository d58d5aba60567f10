// vernier quantize NUMBER: rounds the matrix on stdin.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "app/verbs.h"
#include "format/matrix_text.h"

namespace vernier::app {

namespace {

struct Asked {
  std::string number, axis = "rows", round = "nearest", seed = "0";
  std::optional<std::string> scale;
  bool codes = false, json = false;
};

std::uint64_t seed_of(const std::string& text) {
  std::uint64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, seed);
  if (text.empty() || read.ptr != end || read.ec != std::errc())
    throw Error(fmt::format("--seed: expected a whole number from 0 to 2^64 - 1, got '{}'", text));
  return seed;
}

QuantizeOptions options_of(const Asked& asked, const Number& number) {
  QuantizeOptions options;
  options.axis = row_named("axis", kAxes, asked.axis).axis;
  options.rounding = row_named("rounding", kRoundings, asked.round).rounding;
  options.seed = seed_of(asked.seed);
  if (!asked.scale) return options;
  options.scale = parse_float(*asked.scale);
  if (!options.scale || !std::isfinite(*options.scale) || *options.scale <= 0)
    throw Error(fmt::format("--scale: expected a positive finite number within fp32, got '{}'", *asked.scale));
  if (!number.rounded) throw Error("--scale: fp32 is not rounded and takes no scale");
  return options;
}

void to_stdout(std::string_view piece) {
  if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size()) throw Failure("cannot write to stdout");
}

/// Integers for integer formats, bit patterns for floats.
void append_code(std::string& text, float grid, const NumberFormat& format) {
  if (format.kind == Kind::Integer)
    fmt::format_to(std::back_inserter(text), "{}", static_cast<int>(grid));
  else
    fmt::format_to(std::back_inserter(text), "0x{:0{}x}", encode(grid, format), (format.bits + 3) / 4);
}

void refuse_codes_for_nan(const Quantized& result, const NumberFormat& format) {
  if (has_nan(format)) return;
  const Matrix& grid = result.grid;
  for (std::size_t at = 0; at < grid.values.size(); ++at)
    if (std::isnan(grid.values[at]))
      throw Error(fmt::format("stdin: line {}, number {}: {} has no code for NaN",
                              static_cast<std::int64_t>(at) / grid.columns + 1,
                              static_cast<std::int64_t>(at) % grid.columns + 1, format.name));
}

void append_json(std::string& text, double value) {
  if (std::isfinite(value))
    fmt::format_to(std::back_inserter(text), "{:#}", value);  // # keeps the point, and so the sign of -0.0
  else
    text += std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
}

void print_elements(const Asked& asked, const Number& number, const Quantized& result, const Layout& layout) {
  const Matrix& grid = result.grid;
  const bool quotes = asked.json && number.format.kind == Kind::Float;
  const auto append = [&](std::string& text, std::int64_t row, std::int64_t column) {
    if (!asked.codes) {
      const float value = value_at(result, row, column);
      asked.json ? append_json(text, value) : append_hex_float(text, value);
      return;
    }
    if (quotes) text += '"';
    append_code(text, grid.values[static_cast<std::size_t>(row * grid.columns + column)], number.format);
    if (quotes) text += '"';
  };
  write_rows(grid.rows, grid.columns, layout, append, to_stdout);
}

/// `append(text, element)` for every element of a list, with ", " between them.
template <class Element, class Append>
void print_list(std::string_view name, const std::vector<Element>& list, const Append& append) {
  to_stdout(fmt::format("\"{}\": [", name));
  write_rows(
      1, static_cast<std::int64_t>(list.size()), {"", ", ", "", "],\n"},
      [&](std::string& text, std::int64_t, std::int64_t at) { append(text, list[static_cast<std::size_t>(at)]); },
      to_stdout);
}

void append_integer(std::string& text, std::int64_t value) { fmt::format_to(std::back_inserter(text), "{}", value); }

void print_json(const Asked& asked, const Number& number, const Quantized& result) {
  to_stdout(fmt::format("{{\"number\": \"{}\", \"rows\": {}, \"columns\": {}, \"saturated\": {},\n", number.text,
                        result.grid.rows, result.grid.columns, result.saturated));
  print_list("infinite_groups", result.infinite_groups, append_integer);
  print_list("nan_groups", result.nan_groups, append_integer);
  print_list("scales", result.scales, append_json);
  to_stdout(asked.codes ? "\"codes\": [" : "\"values\": [");
  print_elements(asked, number, result, {"[", ", ", "],\n", "]"});
  to_stdout("]}\n");
}

void warn(const Grouping& grouping, const std::vector<std::int64_t>& groups, std::string_view what) {
  constexpr std::size_t kShown = 10;
  for (std::size_t at = 0; at < std::min(groups.size(), kShown); ++at)
    fmt::print(stderr, "warning: group {} ({}) {}\n", groups[at] + 1, place_of(grouping, groups[at]), what);
  if (groups.size() > kShown) fmt::print(stderr, "warning: {} more groups like these\n", groups.size() - kShown);
}

Matrix matrix_on_stdin() {
  std::ios::sync_with_stdio(false);  // a failed read is then told apart from the end
  return read_matrix(std::cin, "stdin");
}

void quantize(const Asked& asked) {
  const Number number = parse_number(asked.number);
  const QuantizeOptions options = options_of(asked, number);
  const Quantized result = quantized(matrix_on_stdin(), number, options);
  if (asked.codes) refuse_codes_for_nan(result, number.format);
  warn(result.grouping, result.infinite_groups, "holds an infinity: it has no finite scale and all its values are NaN");
  warn(result.grouping, result.nan_groups, "holds a NaN: it stays one, and the scale comes from the finite elements");
  asked.json ? print_json(asked, number, result) : print_elements(asked, number, result, {});
  if (std::fflush(stdout) != 0) throw Failure("cannot write to stdout");
}

}  // namespace

void add_quantize(CLI::App& program) {
  auto asked = std::make_shared<Asked>();
  CLI::App* verb =
      program.add_subcommand("quantize", "round the numbers on stdin (one row per line) onto a format's grid");
  verb->add_option("number", asked->number,
                   "<format>[/<granularity>][:<scale>], such as int4/channel or e2m1/block32:e8m0")
      ->required();
  verb->add_option("--axis", asked->axis, "what channel, token and blocks refer to: rows or columns");
  verb->add_option("--scale", asked->scale, "fixes the scale, in place of the number's rule");
  verb->add_option("--round", asked->round, "nearest or stochastic");
  verb->add_option("--seed", asked->seed, "of stochastic rounding");
  verb->add_flag("--codes", asked->codes, "print the stored codes: integers, or bit patterns of floats");
  verb->add_flag("--json", asked->json, "one JSON object, with scales and the count of saturated elements");
  verb->callback([asked] { quantize(*asked); });
}

}  // namespace vernier::app
