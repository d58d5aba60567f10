// A number in one string: <format>[/<granularity>][:<scale>], for example int4/channel, e4m3/tensor, e2m1/block32:e8m0
// (MXFP4), e2m1/block16:e4m3 (NVFP4), bf16, fp32.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/table.h"
#include "format/number_format.h"

namespace vernier {

/// Which elements share a scale.
enum class Granularity {
  Tensor,   ///< all
  Channel,  ///< an output row of a weight
  Token,    ///< a row of an activation
  Block,    ///< consecutive elements of a row
};

struct GranularityRow {
  std::string_view name;
  Granularity granularity;
};
/// Besides these there is block<G>.
inline constexpr std::array kGranularities{GranularityRow{"tensor", Granularity::Tensor},
                                           GranularityRow{"channel", Granularity::Channel},
                                           GranularityRow{"token", Granularity::Token}};
static_assert(names_differ(kGranularities));

/// How the scale follows from the elements that share it; absmax is the largest |x| of them.
enum class Scale {
  None,       ///< a cast: values are rounded as they are
  Absmax,     ///< absmax / largest, in fp32
  E8m0,       ///< 2^(floor(log2 absmax) - floor(log2 largest)), the rule of OCP Microscaling Formats 1.0, section 6.3
  E8m0Ceil,   ///< 2^(ceil(log2 absmax) - floor(log2 largest))
  E8m0Even,   ///< as E8m0 after absmax was rounded to the format's significand
  E8m0Rceil,  ///< 2^ceil(log2(absmax / largest)), the quotient in fp32
  E4m3,       ///< NVFP4: a scale per block in e4m3, times one for the tensor in fp32
};

struct ScaleRow {
  std::string_view name;
  Scale scale;
};
inline constexpr std::array kScales{
    ScaleRow{"absmax", Scale::Absmax},        ScaleRow{"e8m0", Scale::E8m0},
    ScaleRow{"e8m0-ceil", Scale::E8m0Ceil},   ScaleRow{"e8m0-even", Scale::E8m0Even},
    ScaleRow{"e8m0-rceil", Scale::E8m0Rceil}, ScaleRow{"e4m3", Scale::E4m3},
};
static_assert(names_differ(kScales));

enum class Rounding { Nearest, Stochastic };

struct RoundingRow {
  std::string_view name;
  Rounding rounding;
};
inline constexpr std::array kRoundings{RoundingRow{"nearest", Rounding::Nearest},
                                       RoundingRow{"stochastic", Rounding::Stochastic}};
static_assert(names_differ(kRoundings));

struct Number {
  std::string text = "fp32";  ///< as the user spelled it
  bool rounded = false;       ///< fp32 means "not rounded"
  NumberFormat format;
  Granularity granularity = Granularity::Tensor;
  std::int64_t block = 0;  ///< elements per scale where granularity is Block, else 0
  Scale scale = Scale::None;

  double bits() const { return format.bits; }  ///< of an element, scales not counted
};

/// Reads a number string. A bare bf16, fp16 or fp32 is a cast; any other bare format means /tensor with an absmax
/// scale. Throws Error that says what was found, what was expected, and the nearest spellings that are numbers.
Number parse_number(std::string_view text);

}  // namespace vernier
