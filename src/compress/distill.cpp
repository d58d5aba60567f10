#include "compress/distill.h"

#include <torch/torch.h>

namespace vernier::compress {

at::Tensor soft_losses(const at::Tensor& student_KRV, const at::Tensor& teacher_KRV, const at::Tensor& targets_R,
                       const Softening& softening) {
  const double t = softening.temperature, soft = softening.soft_weight;
  const at::Tensor ln_p = at::log_softmax(teacher_KRV / t, -1), ln_q = at::log_softmax(student_KRV / t, -1);
  const at::Tensor divergence_KR = (ln_p.exp() * (ln_p - ln_q)).sum(-1);
  return soft * t * t * divergence_KR + (1 - soft) * model::cross_entropy(student_KRV, targets_R);
}

Lesson soft_targets(const Learner& student, const train::Checkpoint& teacher) {
  return [model = differentiable(student), teacher = teacher.cohort](const at::Tensor& tokens_BT1) {
    const std::int64_t length = tokens_BT1.size(1) - 1;
    const at::Tensor inputs = tokens_BT1.narrow(1, 0, length).contiguous();
    const at::Tensor targets = tokens_BT1.narrow(1, 1, length).contiguous().flatten();
    at::Tensor taught;
    {
      const at::NoGradGuard no_gradients;
      taught = model::logits(teacher, inputs);
    }
    const at::Tensor loss = soft_losses(model::logits(model, inputs), taught, targets).mean();
    loss.backward();
    return loss.item<double>();
  };
}

}  // namespace vernier::compress
