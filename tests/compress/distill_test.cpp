#include "compress/distill.h"

#include <torch/torch.h>

#include "catch.h"
#include "compress/sample.h"

using namespace vernier;
using namespace vernier::compress;

namespace {

struct Logits {
  at::Tensor student_KRV, teacher_KRV, targets_R;
};

Logits some_logits() {
  at::manual_seed(5);
  return {at::randn({1, 7, 11}) * 2, at::randn({1, 7, 11}) * 2, at::randint(11, {7}, at::kLong)};
}

}  // namespace

TEST_CASE("the gradient of soft targets is T (q - p) and that of hard ones softmax - target", "[compress][fast]") {
  const auto [student, teacher, targets] = some_logits();
  const Softening softening = GENERATE(Softening{1, 0.9}, Softening{2, 0.5}, Softening{4, 1}, Softening{3, 0});
  const at::Tensor z = student.clone().requires_grad_();
  soft_losses(z, teacher, targets, softening).sum().backward();
  const double t = softening.temperature, soft = softening.soft_weight;
  const auto softmax = [](const at::Tensor& x) {  // spelled out, in double precision
    const at::Tensor e = (x.to(at::kDouble) - x.to(at::kDouble).amax(-1, true)).exp();
    return e / e.sum(-1, true);
  };
  at::Tensor hot = at::zeros({1, 7, 11}, at::kDouble);
  for (std::int64_t r = 0; r < 7; ++r) hot[0][r][targets[r].item<std::int64_t>()] = 1;
  const at::Tensor expected =
      soft * t * (softmax(student / t) - softmax(teacher / t)) + (1 - soft) * (softmax(student) - hot);
  CHECK((z.grad() - expected).abs().max().item<double>() < 1e-5);
}

TEST_CASE("soft targets cost nothing where the student says what the teacher says", "[compress][fast]") {
  const auto [student, teacher, targets] = some_logits();
  const at::Tensor losses = soft_losses(teacher + 3, teacher, targets, {2, 1});
  CHECK(losses.abs().max().item<double>() < 1e-5);
  CHECK(soft_losses(student, teacher, targets, {2, 1}).min().item<double>() > 0);
}

TEST_CASE("a batch's loss and gradient are those of its rows' mean", "[compress][fast]") {
  const ptq::Trained teacher = trained_run();
  const ShapeSpec shape{.depth = 1, .width = 16, .heads = 2, .context = 32, .vocab = 32};
  at::manual_seed(7);
  const Learner learner = learner_of({"2024-wsd", shape, {}, 1}, at::randn({layout_of(shape).size}) * 0.3);
  const at::Tensor tokens_BT1 = at::randint(32, {2, 33}, at::kLong);
  const double loss = soft_targets(learner, teacher.checkpoint)(tokens_BT1);
  const at::Tensor inputs = tokens_BT1.slice(1, 0, 32).contiguous();
  const auto loss_at = [&](const at::Tensor& weights_P) {
    const at::NoGradGuard no_gradients;
    return soft_losses(model::logits(train::checkpoint_of(learner.config, weights_P).cohort, inputs),
                       model::logits(teacher.checkpoint.cohort, inputs), tokens_BT1.slice(1, 1, 33).flatten())
        .mean()
        .item<double>();
  };
  CHECK_THAT(loss, Catch::Matchers::WithinRel(loss_at(learner.weights_P), 1e-6));
  const at::Tensor direction = at::randn_like(learner.weights_P);
  const double h = 1e-3, slope = (learner.gradient_P * direction).sum().item<double>();
  const double measured =
      (loss_at(learner.weights_P + h * direction) - loss_at(learner.weights_P - h * direction)) / (2 * h);
  CHECK_THAT(slope, Catch::Matchers::WithinRel(measured, 0.02));
}
