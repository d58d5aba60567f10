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
  Mse,        ///< the multiple of absmax / largest whose summed squared error is smallest (format/scale_search.h)
  Rms,        ///< root of the mean square times the multiple that is best for a Gaussian (format/gaussian.h), / largest
  Lsq,        ///< learned in training; begins at 2 mean |x| / sqrt(largest) (Esser et al., arXiv 1902.08153, section 2)
};

/// Whether a scale needs more of its group than the largest magnitude.
constexpr bool needs_whole_group(Scale scale) {
  return scale == Scale::Mse || scale == Scale::Rms || scale == Scale::Lsq;
}

struct ScaleRow {
  std::string_view name;
  Scale scale;
};
inline constexpr std::array kScales{
    ScaleRow{"absmax", Scale::Absmax},
    ScaleRow{"e8m0", Scale::E8m0},
    ScaleRow{"e8m0-ceil", Scale::E8m0Ceil},
    ScaleRow{"e8m0-even", Scale::E8m0Even},
    ScaleRow{"e8m0-rceil", Scale::E8m0Rceil},
    ScaleRow{"e4m3", Scale::E4m3},
    ScaleRow{"mse", Scale::Mse},
    ScaleRow{"rms", Scale::Rms},
    ScaleRow{"lsq", Scale::Lsq},
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

/// What the gradient of a rounded value becomes on its way to the value; x / s is the value on the scale of its grid.
enum class Estimator {
  Identity,  ///< passes (Bengio et al., arXiv 1308.3432; Kumar et al., arXiv 2411.04330, appendix D)
  Clipped,   ///< passes where lowest <= x / s <= largest (PACT, Choi et al., arXiv 1805.06085)
  Trust,     ///< passes where x / s moved by no more than half of the grid's widest step (QuEST, arXiv 2502.05003)
  Lsq,       ///< as Clipped, and learned scales have a gradient too (Esser et al., arXiv 1902.08153, eq. 3 and 5)
};

struct EstimatorRow {
  std::string_view name;
  Estimator estimator;
};
inline constexpr std::array kEstimators{EstimatorRow{"identity", Estimator::Identity},
                                        EstimatorRow{"clipped", Estimator::Clipped},
                                        EstimatorRow{"trust", Estimator::Trust}, EstimatorRow{"lsq", Estimator::Lsq}};
static_assert(names_differ(kEstimators));

/// A random Hadamard rotation of both operands along the contraction axis, in blocks (QuEST, arXiv 2502.05003; Quartet,
/// arXiv 2505.14669): the product stays the same, outliers are spread over their block before rounding.
struct RotationRow {
  std::string_view name;
  std::int64_t block;  ///< elements that are turned together; 0: no rotation
};
inline constexpr std::array kRotations{RotationRow{"none", 0}, RotationRow{"hadamard16", 16},
                                       RotationRow{"hadamard32", 32}, RotationRow{"hadamard64", 64},
                                       RotationRow{"hadamard128", 128}};
static_assert(names_differ(kRotations));

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
