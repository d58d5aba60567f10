#include "compress/learner.h"

#include <torch/torch.h>

#include <cmath>

#include "model/cpu/step.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace vernier::compress {

Learner learner_of(const train::CheckpointConfig& config, const at::Tensor& weights_P) {
  const auto zeros = [&] { return at::zeros_like(weights_P); };
  return {config,
          model::layout_of(architecture_of(config.recipe), config.shape, config.numbers),
          weights_P.clone(),
          zeros(),
          zeros(),
          zeros()};
}

model::Transformer differentiable(const Learner& learner) {
  model::Transformer model = train::checkpoint_of(learner.config, learner.weights_P).cohort;
  const auto gradients = model::views_of(learner.layout, learner.gradient_P.unsqueeze(0));
  for (std::size_t i = 0; i < model.parameters.size(); ++i) {
    model.parameters[i] = model.parameters[i].detach().requires_grad_();
    model.parameters[i].mutable_grad() = gradients[i];
  }
  return model;
}

namespace {

/// The step of model/cpu with memory of its own.
struct Fused {
  model::cpu::Workspace workspace;
  model::Rules rules;
  model::cpu::Step step;

  Fused(const Learner& learner, std::int64_t batch)
      : rules(model::rules_of_evaluation(learner.config.numbers, learner.config.seed, learner.config.exact)),
        step(asked(learner.config, batch), workspace) {}

  static model::cpu::StepAsked asked(const train::CheckpointConfig& config, std::int64_t batch) {
    model::cpu::StepAsked asked;
    asked.shape = config.shape;
    asked.qk_norm = architecture_of(config.recipe).qk_norm;
    asked.numbers = config.numbers;
    asked.batch = batch;
    asked.exact = config.exact;
    return asked;
  }
};

Lesson fused_next_tokens(const Learner& learner, std::int64_t batch) {
  const auto fused = std::make_shared<Fused>(learner, batch);
  return [fused, weights_P = learner.weights_P, gradient_P = learner.gradient_P](const at::Tensor& tokens_BT1) {
    return fused->step.train(fused->rules, weights_P.const_data_ptr<float>(), tokens_BT1.const_data_ptr<std::int64_t>(),
                             gradient_P.data_ptr<float>());
  };
}

at::Tensor batch_of(const data::Corpus& corpus, std::int64_t first, std::int64_t batch, std::int64_t context) {
  const at::Tensor tokens_BT1 = at::empty({batch, context + 1}, at::kLong);
  const std::int64_t available = corpus.train_sequences_available(context);
  std::vector<std::uint16_t> sequence(static_cast<std::size_t>(context + 1));
  for (std::int64_t i = 0; i < batch; ++i) {
    corpus.train_sequence((first + i) % available, context, sequence.data());
    std::copy(sequence.begin(), sequence.end(), tokens_BT1.data_ptr<std::int64_t>() + i * (context + 1));
  }
  return tokens_BT1;
}

/// False where the gradient of this loss is of no use.
bool take_step(Learner& learner, const Course& course, std::int64_t step, double loss) {
  if (course.kept_P.defined()) learner.gradient_P.mul_(course.kept_P);
  const double norm = learner.gradient_P.norm(2, at::kDouble).item<double>();
  if (!std::isfinite(loss) || !std::isfinite(norm)) return false;
  const TrainingSpec& training = course.training;
  const double rate = train::rate_at(training, training.learning_rate, step, course.warmup_steps, course.steps);
  const double factor = norm > training.clip ? training.clip / norm : 1.0;
  train::optimise(training, learner.layout, {rate, factor, step + 1}, learner.weights_P, learner.first_moment_P,
                  learner.second_moment_P, learner.gradient_P);
  if (course.kept_P.defined()) learner.weights_P.mul_(course.kept_P);  // an orthogonalised step moves all of a matrix
  return true;
}

}  // namespace

Lesson next_tokens(const Learner& learner, std::int64_t batch) {
  const bool fuses = model::cpu::fuses(architecture_of(learner.config.recipe), learner.config.numbers);
  if (learner.weights_P.is_cpu() && fuses) return fused_next_tokens(learner, batch);
  return [model = differentiable(learner)](const at::Tensor& tokens_BT1) {
    const at::Tensor loss = model::row_losses(model, tokens_BT1).mean();
    loss.backward();
    return loss.item<double>();
  };
}

bool teach(Learner& learner, const Lesson& lesson, const Course& course, const data::Corpus& corpus,
           const std::atomic<bool>& stop) {
  const std::int64_t batch = course.training.batch, context = learner.config.shape.context;
  for (std::int64_t step = 0; step < course.steps; ++step) {
    if (stop) throw Interrupted("stopped; everything finished is kept, and the same command continues");
    const at::Tensor tokens_BT1 = batch_of(corpus, course.first_sequence + step * batch, batch, context);
    if (!take_step(learner, course, step, lesson(tokens_BT1.to(learner.weights_P.device())))) return false;
  }
  return true;
}

}  // namespace vernier::compress
