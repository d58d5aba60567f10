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

/// How the scale s follows from the elements x that share it; absmax is the largest |x|, largest the format's largest
/// value. A value is then s q, q = x / s rounded, the quotient a true division.
enum class Scale {
  /// A cast: values are rounded as they are.
  None,
  /// s = absmax / largest, in fp32 (Kumar et al., arXiv 2411.04330, appendix D).
  Absmax,
  /// s = 2^(floor(log2 absmax) - floor(log2 largest)) (OCP Microscaling Formats 1.0, section 6.3).
  E8m0,
  /// s = 2^(ceil(log2 absmax) - floor(log2 largest)); this and the next two as torchao's ScaleCalculationMode names
  /// them.
  E8m0Ceil,
  /// As E8m0 after absmax was rounded to the format's significand, ties to even.
  E8m0Even,
  /// s = 2^ceil(log2(absmax / largest)), the quotient in fp32 (Mishra et al., arXiv 2506.08027).
  E8m0Rceil,
  /// NVFP4: a block's scale in e4m3 times one for the tensor in fp32; see quantized() in format/quantize_matrix.h.
  E4m3,
  /// s = absmax / largest times the multiple, in 256ths up to about 2, whose sum of (x - s q)^2 is smallest
  /// (format/scale_search.h).
  Mse,
  /// s = m sqrt(mean of x^2) / largest, m the format's best for normal x (format/gaussian.h; QuEST, arXiv 2502.05003).
  Rms,
  /// Learned in training; begins at s = 2 mean|x| / sqrt(largest) (Esser et al., arXiv 1902.08153, section 2.1).
  Lsq,
};

/// Whether a scale needs more of its group than the largest magnitude.
constexpr bool needs_whole_group(Scale scale) {
  return scale == Scale::Mse || scale == Scale::Rms || scale == Scale::Lsq;
}

enum class Rounding {
  Nearest,     ///< to the nearer neighbour, ties to the even one (IEEE 754-2019, section 4.3.1)
  Stochastic,  ///< away from zero with the probability of the distance from the neighbour towards it (arXiv 1502.02551)
};

}  // namespace vernier
