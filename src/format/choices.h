// What a number string chooses, as bare enums; their names stand in format/number.h. Kernels read them too, and nvcc
// does not take every version of fmt, which tables and errors bring along.
#pragma once

namespace vernier {

/// Which elements share a scale.
enum class Granularity {
  Tensor,   ///< all
  Channel,  ///< an output row of a weight
  Token,    ///< a row of an activation
  Block,    ///< consecutive elements of a row
};

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

enum class Rounding { Nearest, Stochastic };

}  // namespace vernier
