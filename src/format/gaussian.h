// How well a format holds normally distributed numbers: the error of rounding them, and the scale at which it is
// smallest.
#pragma once

#include "format/number_format.h"

namespace vernier {

/// Mean of (x - Q(x))^2 for x ~ N(0, 1), rounded to nearest and saturating, where the format's largest value stands for
/// `largest_over_sigma`; by closed form over the cells of the grid. Source: GMSE, arXiv 2506.01863; known answers in
/// tests/format/gaussian_test.cpp.
double gaussian_error(const NumberFormat& format, double largest_over_sigma);

/// The `largest_over_sigma` from 1/4 to 64 at which gaussian_error is smallest, in whole 1024ths, so that another
/// machine's erfc gives the same; the first where several are equally good to a millionth, as in formats whose error
/// repeats with every power of two. The multiple of the scale `rms`; computed once for each format.
double gaussian_optimum(const NumberFormat& format);

}  // namespace vernier
