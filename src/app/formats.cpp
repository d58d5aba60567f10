// vernier formats [NAME]: the facts of every number format.
#include <iostream>

#include "app/verbs.h"
#include "format/number_format.h"
#include "record/archive.h"

namespace vernier::app {

namespace {

constexpr int kBitsListed = 8;  ///< formats up to here list their values

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const NumberFormat& format) {
  Json row;
  row["name"] = format.name;
  row["bits"] = format.bits;
  row["exponent_bits"] = format.exponent_bits;
  row["significand_bits"] = format.significand_bits;
  row["bias"] = or_null(bias(format));
  row["max"] = format.largest;
  row["lowest"] = format.lowest;
  row["min_normal"] = or_null(smallest_normal(format));
  row["min_subnormal"] = or_null(smallest_subnormal(format));
  row["has_inf"] = has_infinity(format);
  row["has_nan"] = has_nan(format);
  row["values"] = format.bits <= kBitsListed ? Json(values_of(format)) : Json(nullptr);
  return row;
}

std::string text_or_dash(const std::optional<double>& value) { return value ? fmt::format("{:.6g}", *value) : "-"; }

void print_table(const std::vector<NumberFormat>& formats) {
  fmt::print("{:8} {:>4} {:>8} {:>11} {:>12} {:>12} {:>12} {:>13} {:>3} {:>3}\n", "name", "bits", "exponent",
             "significand", "lowest", "max", "min normal", "min subnormal", "inf", "nan");
  for (const auto& format : formats)
    fmt::print("{:8} {:>4} {:>8} {:>11} {:>12.6g} {:>12.6g} {:>12} {:>13} {:>3} {:>3}\n", format.name, format.bits,
               format.exponent_bits, format.significand_bits, format.lowest, format.largest,
               text_or_dash(smallest_normal(format)), text_or_dash(smallest_subnormal(format)),
               has_infinity(format) ? "yes" : "no", has_nan(format) ? "yes" : "no");
}

void show(const std::string& name, bool json) {
  const std::vector<NumberFormat> formats = name.empty() ? all_formats() : std::vector{format_named(name)};
  if (json) {
    Json rows = Json::array();
    for (const auto& format : formats) rows.push_back(json_of(format));
    Json all;
    all["formats"] = std::move(rows);
    std::cout << all.dump() << '\n';
    return;
  }
  print_table(formats);
  if (!name.empty() && formats[0].bits <= kBitsListed)
    fmt::print("values: {}\n", fmt::join(values_of(formats[0]), " "));
}

}  // namespace

void add_formats(CLI::App& program) {
  struct Asked {
    std::string name;
    bool json = false;
  };
  auto asked = std::make_shared<Asked>();
  CLI::App* verb = program.add_subcommand(
      "formats", "every number format: bits, largest value, smallest normal and subnormal, values");
  verb->add_option("name", asked->name, "one format, such as e4m3; all of them where it is left out");
  verb->add_flag("--json", asked->json, "one JSON object");
  verb->callback([asked] { show(asked->name, asked->json); });
}

}  // namespace vernier::app
