// A law of which one parameter may differ between precisions: "E does not depend on P" is the claim that it does not.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fit/problem.h"

namespace vernier::fit {

/// The problem of `law` with one more parameter for each precision but the first (the baseline, where it is among the
/// runs): what the parameter `symbol` of that precision has more than the first,
///
///   E       E_p = E + d_p              so that an E of zero can differ
///   others  theta_p = theta r_p        A and B for the N and D of these runs' geometric means, so that another
///   exponent
///                                      turns its term about the middle of the data
///
/// With all d_p = 0 and r_p = 1 it is the law itself.
struct Varied {
  std::unique_ptr<Problem> problem;
  std::size_t parameter = 0;  ///< place of `symbol` among the parameters
  std::size_t first = 0;      ///< place of the first d_p or r_p; they are the last parameters
  double none = 1;            ///< their value where the precisions do not differ
};

/// Throws Error for an unknown law or symbol.
Varied make_varied(std::string_view law, const std::string& symbol, const std::vector<law::RunPoint>& points);

/// The parameter of each precision, the first one's first, from natural parameters.
std::vector<double> values_by_precision(const Varied& varied, const std::vector<double>& natural);

}  // namespace vernier::fit
