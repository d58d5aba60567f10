// A number in one string: <format>[/<granularity>][:<scale>], for example int4/channel, e4m3/tensor, e2m1/block32:e8m0
// (MXFP4), e2m1/block16:e4m3 (NVFP4), bf16, fp32.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/table.h"
#include "format/choices.h"
#include "format/number_format.h"

namespace vernier {

struct GranularityRow {
  std::string_view name;
  Granularity granularity;
};
/// Besides these there is block<G>.
inline constexpr std::array kGranularities{GranularityRow{"tensor", Granularity::Tensor},
                                           GranularityRow{"channel", Granularity::Channel},
                                           GranularityRow{"token", Granularity::Token}};
static_assert(names_differ(kGranularities));

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
