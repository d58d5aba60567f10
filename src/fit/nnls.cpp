#include "fit/nnls.h"

#include <limits>

namespace vernier::fit {
namespace {

/// The unconstrained minimum over the unknowns whose bit is set; scaled to a unit diagonal, since columns differ in
/// size.
SmallVector minimum_over(const SmallMatrix& H, const SmallVector& b, unsigned set) {
  SmallVector x = SmallVector::Zero(b.size());
  std::array<int, kMostCoefficients> member{};
  int count = 0;
  for (int j = 0; j < b.size(); ++j)
    if ((set >> j & 1u) && H(j, j) > 0) member[std::size_t(count++)] = j;
  if (count == 0) return x;
  SmallMatrix G(count, count);
  SmallVector g(count);
  for (int i = 0; i < count; ++i) {
    const int I = member[std::size_t(i)];
    g(i) = b(I) / std::sqrt(H(I, I));
    for (int j = 0; j < count; ++j) {
      const int J = member[std::size_t(j)];
      G(i, j) = H(I, J) / std::sqrt(H(I, I) * H(J, J));
    }
    G(i, i) += 1e-14;  // two columns may be equal
  }
  const SmallVector y = G.ldlt().solve(g);
  for (int i = 0; i < count; ++i) {
    const int I = member[std::size_t(i)];
    x(I) = y(i) / std::sqrt(H(I, I));
  }
  return x;
}

}  // namespace

SmallVector non_negative_minimum(const SmallMatrix& H, const SmallVector& b) {
  const unsigned all = (1u << b.size()) - 1;
  SmallVector best = minimum_over(H, b, all);
  if (best.size() == 0 || best.minCoeff() >= 0) return best;
  best.setZero();
  double lowest = 0;  // of x = 0
  for (unsigned set = 1; set < all; ++set) {
    const SmallVector x = minimum_over(H, b, set);
    if (x.minCoeff() < 0) continue;
    const double value = 0.5 * x.dot(H * x) - b.dot(x);
    if (value < lowest) lowest = value, best = x;
  }
  return best;
}

}  // namespace vernier::fit
