#include "format/number.h"

#include <fmt/format.h>

#include <optional>

#include "format/spelling.h"

namespace vernier {

namespace {

/// `text` cut at its first ':' and first '/'.
struct Parts {
  std::string_view format;
  std::optional<std::string_view> granularity, scale;
};

Parts parts_of(std::string_view text) {
  Parts parts;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    parts.scale = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    parts.granularity = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  parts.format = text;
  return parts;
}

void read_granularity(Number& number, std::string_view name) {
  number.block = 0;
  if (name == "tensor") {
    number.granularity = Granularity::Tensor;
  } else if (name == "channel") {
    number.granularity = Granularity::Channel;
  } else if (name == "token") {
    number.granularity = Granularity::Token;
  } else if (const auto block = number_after(name, "block"); block && *block > 0) {
    number.granularity = Granularity::Block;
    number.block = *block;
  } else {
    throw Error(fmt::format(
        "no granularity is called '{}'; known: tensor, channel, token, block<G> with G of 1 or more", name));
  }
}

Scale scale_named(std::string_view name) { return row_named("scale", kScales, name).scale; }

bool is_cast_when_bare(std::string_view format) { return format == "bf16" || format == "fp16"; }

Number number_of(std::string_view text) {
  const Parts parts = parts_of(text);
  Number number;
  number.text = text;
  number.format = format_named(parts.format);
  number.rounded = parts.format != "fp32";
  if (!number.rounded && (parts.granularity || parts.scale))
    throw Error("fp32 is not rounded: it takes neither granularity nor scale");
  if (parts.granularity) read_granularity(number, *parts.granularity);
  const bool bare = !parts.granularity && !parts.scale;
  const bool cast = !number.rounded || (bare && is_cast_when_bare(parts.format));
  number.scale = parts.scale ? scale_named(*parts.scale) : cast ? Scale::None : Scale::Absmax;
  if (number.scale == Scale::E4m3 && number.granularity != Granularity::Block)
    throw Error("the two-level scale 'e4m3' needs blocks, as in e2m1/block16:e4m3");
  return number;
}

}  // namespace

Number parse_number(std::string_view text) {
  try {
    return number_of(text);
  } catch (const Error& problem) {
    throw Error(fmt::format("number '{}': {} (expected <format>[/<granularity>][:<scale>])", text, problem.what()));
  }
}

}  // namespace vernier
