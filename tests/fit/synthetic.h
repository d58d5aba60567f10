// Runs drawn from a known law.
#pragma once

#include <cmath>
#include <vector>

#include "base/stream.h"
#include "fit/fit.h"
#include "fit/labels.h"

namespace synthetic {

using namespace vernier;

inline fit::FitSummary law_of(std::string name, const std::vector<std::pair<std::string, double>>& parameters) {
  fit::FitSummary law;
  law.law = std::move(name);
  for (const auto& [symbol, value] : parameters) {
    law.symbols.push_back(symbol);
    law.parameters.push_back({value, {}, {}, {}, {}});
  }
  return law;
}

inline fit::FitSummary chinchilla() {
  return law_of("chinchilla", {{"E", 1.6}, {"A", 8}, {"B", 120}, {"alpha", 0.22}, {"beta", 0.3}});
}

inline fit::FitSummary kumar_tied() {
  return law_of("kumar_tied",
                {{"E", 1.6}, {"A", 8}, {"B", 120}, {"alpha", 0.22}, {"beta", 0.3}, {"gamma", 1.5}, {"n", 0.3}});
}

inline law::RunPoint point(double params, double tokens, double bits) {
  law::RunPoint p;
  p.run = fmt::format("{}-{}-{}", params, tokens, bits);
  p.params = params;
  p.tokens = tokens;
  p.weights = p.activations = p.kv = law::Part{bits < 16, bits, "fp32", true};
  p.precision = fit::precision_label(p);
  return p;
}

/// Sizes, tokens and bits of a small grid; Gaussian noise on ln L with this deviation.
inline std::vector<law::RunPoint> runs(const fit::FitSummary& law, const std::vector<double>& bits, double noise,
                                       std::uint64_t seed) {
  std::vector<law::RunPoint> points;
  const Stream stream(seed);
  for (const double params : {1.5e3, 5e3, 1.5e4, 5e4, 1.5e5})
    for (const double tokens : {2.5e5, 5e5, 1e6, 2e6, 4e6})
      for (const double p : bits) {
        points.push_back(point(params, tokens, p));
        const double draw = stream.normals(points.size())[0];
        points.back().loss = loss(law, law.values(), points.back()) * std::exp(noise * draw);
      }
  return points;
}

}  // namespace synthetic
