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

/// Which elements share a scale, and how many of them where they are a block.
struct Sharing {
  Granularity granularity;
  std::int64_t block;
};

std::optional<Sharing> find_sharing(std::string_view name) {
  for (const auto& row : kGranularities)
    if (row.name == name) return Sharing{row.granularity, 0};
  if (const auto block = number_after(name, "block"); block && *block > 0) return Sharing{Granularity::Block, *block};
  return std::nullopt;
}

Sharing sharing_named(std::string_view name) {
  if (const auto found = find_sharing(name)) return *found;
  throw Error(fmt::format("no granularity is called '{}'; known: {}, block<G> with G of 1 or more", name,
                          fmt::join(names_of(kGranularities), ", ")));
}

Scale scale_named(std::string_view name) { return row_named("scale", kScales, name).scale; }

bool is_cast_when_bare(std::string_view format) { return format == "bf16" || format == "fp16"; }

Number number_of(std::string_view text) {
  const Parts parts = parts_of(text);
  Number number;
  number.text = text;
  const auto format = find_format(parts.format);
  if (!format) throw Error(no_such_format(parts.format));
  number.format = *format;
  number.rounded = parts.format != "fp32";
  if (!number.rounded && (parts.granularity || parts.scale))
    throw Error("fp32 is not rounded: it takes neither granularity nor scale");
  if (parts.granularity) {
    const Sharing sharing = sharing_named(*parts.granularity);
    number.granularity = sharing.granularity;
    number.block = sharing.block;
  }
  const bool bare = !parts.granularity && !parts.scale;
  const bool cast = !number.rounded || (bare && is_cast_when_bare(parts.format));
  number.scale = parts.scale ? scale_named(*parts.scale) : cast ? Scale::None : Scale::Absmax;
  if (number.scale == Scale::E4m3 && number.granularity != Granularity::Block)
    throw Error("the two-level scale 'e4m3' needs blocks, as in e2m1/block16:e4m3");
  return number;
}

constexpr std::array kOtherNumbers{
    OtherSpelling{"mxfp4", "e2m1/block32:e8m0"}, OtherSpelling{"mxfp6", "e3m2/block32:e8m0"},
    OtherSpelling{"mxfp6", "e2m3/block32:e8m0"}, OtherSpelling{"mxfp8", "e4m3/block32:e8m0"},
    OtherSpelling{"mxfp8", "e5m2/block32:e8m0"}, OtherSpelling{"mxint8", "int8/block32:e8m0"},
    OtherSpelling{"nvfp4", "e2m1/block16:e4m3"},
};

constexpr std::array kOtherGranularities{OtherSpelling{"row", "channel"}, OtherSpelling{"row", "token"},
                                         OtherSpelling{"block", "block16"}, OtherSpelling{"block", "block32"}};

constexpr std::array kOtherScales{OtherSpelling{"max", "absmax"},     OtherSpelling{"amax", "absmax"},
                                  OtherSpelling{"floor", "e8m0"},     OtherSpelling{"ceil", "e8m0-ceil"},
                                  OtherSpelling{"even", "e8m0-even"}, OtherSpelling{"rceil", "e8m0-rceil"}};

std::vector<std::string> granularities_near(std::string_view name) {
  if (find_sharing(name)) return {std::string(name)};
  if (const auto group = number_after(name, "group"); group && *group > 0) return {fmt::format("block{}", *group)};
  auto known = names_of(kGranularities);
  known.insert(known.end(), {"block16", "block32"});
  return nearest_spellings(name, known, kOtherGranularities);
}

bool is_number(const std::string& text) {
  try {
    number_of(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Every way to join a format, a granularity and a scale that is a number; an empty list stands for a part left out.
std::vector<std::string> joined(const std::vector<std::string>& formats, std::vector<std::string> granularities,
                                std::vector<std::string> scales) {
  for (auto& granularity : granularities) granularity.insert(0, "/");
  for (auto& scale : scales) scale.insert(0, ":");
  if (granularities.empty()) granularities.emplace_back();
  if (scales.empty()) scales.emplace_back();
  std::vector<std::string> numbers;
  for (const auto& format : formats)
    for (const auto& granularity : granularities)
      for (const auto& scale : scales)
        if (const auto text = format + granularity + scale; is_number(text)) numbers.push_back(text);
  return numbers;
}

/// Numbers that `text` may have meant: each part replaced by what is near, then with blocks, then the format alone.
std::vector<std::string> numbers_near(std::string_view text) {
  using Names = std::vector<std::string>;
  const Parts parts = parts_of(text);
  if (const auto whole = nearest_spellings(parts.format, {}, kOtherNumbers); !whole.empty()) return whole;
  const Names formats = formats_near(parts.format);
  const Names granularities = parts.granularity ? granularities_near(*parts.granularity) : Names{};
  const Names scales = parts.scale ? nearest_spellings(*parts.scale, names_of(kScales), kOtherScales) : Names{};
  Names numbers = joined(formats, granularities, scales);
  if (numbers.empty()) numbers = joined(formats, {"block16"}, scales);
  if (numbers.empty()) numbers = joined(formats, {}, {});
  return numbers;
}

}  // namespace

Number parse_number(std::string_view text) {
  try {
    return number_of(text);
  } catch (const Error& problem) {
    const auto near = numbers_near(text);
    throw Error(
        fmt::format("number '{}': {} (expected <format>[/<granularity>][:<scale>]; {}: {})", text, problem.what(),
                    near.empty() ? "for example" : "nearest",
                    near.empty() ? "int4/channel, e4m3, e2m1/block32:e8m0" : fmt::format("{}", fmt::join(near, ", "))));
  }
}

}  // namespace vernier
