#include "train/adamw.h"

#include <torch/torch.h>

#include <cmath>

namespace vernier::train {

namespace {

struct Factors {
  float first, second, gradient, first_left, second_left, root, epsilon, rate;
};

/// The part [begin, end) of one CPU storage; `kept` is what weight decay leaves of a weight.
void update(const Factors& f, float kept, float* w, float* m, float* v, float* g, std::int64_t begin,
            std::int64_t end) {
#pragma omp simd
  for (std::int64_t i = begin; i < end; ++i) {
    const float gradient = g[i] * f.gradient;
    m[i] = f.first * m[i] + f.first_left * gradient;
    v[i] = f.second * v[i] + f.second_left * gradient * gradient;
    w[i] = w[i] * kept - f.rate * m[i] / (std::sqrt(v[i]) * f.root + f.epsilon);
    g[i] = 0;
  }
}

}  // namespace

void adamw(const TrainingSpec& t, const AdamWStep& step, std::int64_t decayed, at::Tensor& weights,
           at::Tensor& first_moment, at::Tensor& second_moment, at::Tensor& gradient) {
  const double count = static_cast<double>(step.step);
  const double rate = step.learning_rate / (1 - std::pow(t.beta1, count)),
               kept = 1 - step.learning_rate * t.weight_decay;
  const double root = 1 / std::sqrt(1 - std::pow(t.beta2, count));
  if (weights.is_cpu()) {
    const auto to_float = [](double x) { return static_cast<float>(x); };
    const Factors f{to_float(t.beta1),     to_float(t.beta2),     to_float(step.gradient_factor),
                    to_float(1 - t.beta1), to_float(1 - t.beta2), to_float(root),
                    to_float(t.epsilon),   to_float(rate)};
    auto *w = weights.data_ptr<float>(), *m = first_moment.data_ptr<float>();
    auto *v = second_moment.data_ptr<float>(), *g = gradient.data_ptr<float>();
    update(f, to_float(kept), w, m, v, g, 0, decayed);
    update(f, 1.0f, w, m, v, g, decayed, weights.numel());
    return;
  }
  gradient.mul_(step.gradient_factor);
  first_moment.mul_(t.beta1).add_(gradient, 1 - t.beta1);
  second_moment.mul_(t.beta2).addcmul_(gradient, gradient, 1 - t.beta2);
  weights.narrow(0, 0, decayed).mul_(kept);
  weights.addcdiv_(first_moment, second_moment.sqrt().mul_(root).add_(t.epsilon), -rate);
  gradient.zero_();
}

}  // namespace vernier::train
