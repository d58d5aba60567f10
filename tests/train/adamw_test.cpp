#include "train/adamw.h"

#include <torch/torch.h>

#include "catch.h"

using namespace vernier;

TEST_CASE("ten steps of AdamW equal torch.optim.AdamW to 1e-6", "[train][fast]") {
  at::manual_seed(3);
  constexpr std::int64_t kDecayed = 70, kSize = 100;
  TrainingSpec spec;
  spec.beta1 = 0.9, spec.beta2 = 0.95, spec.epsilon = 1e-8, spec.weight_decay = 0.1;
  auto w = at::randn({kSize}), m = at::zeros({kSize}), v = at::zeros({kSize});
  auto matrices = w.narrow(0, 0, kDecayed).clone().requires_grad_(),
       gains = w.narrow(0, kDecayed, kSize - kDecayed).clone().requires_grad_();
  using Options = torch::optim::AdamWOptions;
  const auto options = [](double decay) {
    return std::make_unique<Options>(Options(0.01).betas({0.9, 0.95}).eps(1e-8).weight_decay(decay));
  };
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<at::Tensor>{matrices}, options(0.1));
  groups.emplace_back(std::vector<at::Tensor>{gains}, options(0.0));
  torch::optim::AdamW reference(groups, Options(0.01));
  for (std::int64_t step = 1; step <= 10; ++step) {
    auto g = at::randn({kSize});
    matrices.mutable_grad() = 0.5 * g.narrow(0, 0, kDecayed);
    gains.mutable_grad() = 0.5 * g.narrow(0, kDecayed, kSize - kDecayed);
    reference.step();
    train::adamw(spec, {0.01, 0.5, step}, kDecayed, w, m, v, g);
    CHECK(g.abs().max().item<double>() == 0);
  }
  CHECK((w - at::cat({matrices, gains})).abs().max().item<double>() < 1e-6);
}
