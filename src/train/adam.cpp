#include "train/adam.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <cmath>

namespace vernier::train {

namespace {

struct Factors {
  float first, second, gradient, first_left, second_left, root, epsilon, rate;
  float kept;      ///< of a weight, by decoupled decay
  float decaying;  ///< share of a weight that its gradient is given
};

Factors factors_of(const TrainingSpec& t, const OptimizerStep& step, Decay decay) {
  const double count = static_cast<double>(step.step);
  const double rate = step.learning_rate / (1 - std::pow(t.beta1, count));
  const double root = 1 / std::sqrt(1 - std::pow(t.beta2, count));
  const double kept = decay == Decay::Decoupled ? 1 - step.learning_rate * t.weight_decay : 1;
  const double decaying = decay == Decay::InGradient ? t.weight_decay : 0;
  const auto to_float = [](double x) { return static_cast<float>(x); };
  return {to_float(t.beta1),     to_float(t.beta2),     to_float(step.gradient_factor),
          to_float(1 - t.beta1), to_float(1 - t.beta2), to_float(root),
          to_float(t.epsilon),   to_float(rate),        to_float(kept),
          to_float(decaying)};
}

template <bool kInGradient>
void update(const Factors& f, float* w, float* m, float* v, float* g, Range part) {
#pragma omp simd
  for (std::int64_t i = part.begin; i < part.end; ++i) {
    const float gradient = kInGradient ? g[i] * f.gradient + f.decaying * w[i] : g[i] * f.gradient;
    m[i] = f.first * m[i] + f.first_left * gradient;
    v[i] = f.second * v[i] + f.second_left * gradient * gradient;
    w[i] = w[i] * f.kept - f.rate * m[i] / (std::sqrt(v[i]) * f.root + f.epsilon);
    g[i] = 0;
  }
}

void on_cpu(const Factors& f, Decay decay, Range part, const OptimizerState& s) {
  auto *w = s.weights.data_ptr<float>(), *m = s.first_moment.data_ptr<float>();
  auto *v = s.second_moment.data_ptr<float>(), *g = s.gradient.data_ptr<float>();
  constexpr std::int64_t kWorthAThread = 1 << 15;
  at::parallel_for(part.begin, part.end, kWorthAThread, [&](std::int64_t begin, std::int64_t end) {
    decay == Decay::InGradient ? update<true>(f, w, m, v, g, {begin, end}) : update<false>(f, w, m, v, g, {begin, end});
  });
}

void composed(const Factors& f, Decay decay, Range part, const OptimizerState& s) {
  const auto of = [&](const at::Tensor& flat) { return flat.narrow(0, part.begin, part.end - part.begin); };
  at::Tensor w = of(s.weights), m = of(s.first_moment), v = of(s.second_moment), g = of(s.gradient);
  g.mul_(f.gradient);
  if (decay == Decay::InGradient) g.add_(w, f.decaying);
  m.mul_(f.first).add_(g, f.first_left);
  v.mul_(f.second).addcmul_(g, g, f.second_left);
  w.mul_(f.kept).addcdiv_(m, v.sqrt().mul_(f.root).add_(f.epsilon), -f.rate);
  g.zero_();
}

}  // namespace

void adam(const TrainingSpec& training, const OptimizerStep& step, Decay decay, Range part,
          const OptimizerState& state) {
  const Factors factors = factors_of(training, step, decay);
  if (state.weights.is_cpu())
    on_cpu(factors, decay, part, state);
  else
    composed(factors, decay, part, state);
}

}  // namespace vernier::train
