// How well a format holds normally distributed numbers: the error of rounding them, and the scale at which it is
// smallest.
#pragma once

#include "format/number.h"

namespace vernier {

/// Mean of (x - Q(x))^2 for x ~ N(0, 1), rounded to nearest and saturating, where the format's largest value stands for
/// `largest_over_sigma`; by closed form over the cells of the grid. Source: GMSE, arXiv 2506.01863; known answers in
/// tests/format/gaussian_test.cpp.
double gaussian_error(const NumberFormat& format, double largest_over_sigma);

/// The `largest_over_sigma` from 1/4 to 64 at which gaussian_error is smallest, in whole 1024ths, so that another
/// machine's erfc gives the same; the first where several are equally good to a millionth, as in formats whose error
/// repeats with every power of two. The multiple of the scale `rms`; computed once for each format.
double gaussian_optimum(const NumberFormat& format);

/// The same where the scale is absmax / largest and `group` independent normal numbers share it: the mean over m, the
/// largest magnitude among them, of the error of a normal number cut off at m on the grid whose largest value is m. The
/// largest itself is exact, so the mean is over group - 1 of `group` elements. Formats of more than 10 bits by
/// step^2/12 in each range of one step. NaN for a group that is not known; computed once for each format and group.
double gaussian_error_of_absmax(const NumberFormat& format, double group);

/// Of the 2^bits evenly spaced levels without zero, 1 to 16 bits, at the scale at which it is smallest (QuEST's grids,
/// arXiv 2502.05003; LAWS.md, section 2.3, first column).
double gaussian_error_of_levels(int bits);

/// Of a number under its own scale rule, rounded to nearest: a cast as it is; `mse`, `rms` and `lsq`, which learns that
/// error away, at the optimum; every other scale as absmax. Scales that are powers of two (e8m0) or of few bits (e4m3)
/// are up to a factor of two larger than absmax asks for, and their error is taken as that of absmax all the same.
double gaussian_error(const Number& number, double group);

}  // namespace vernier
