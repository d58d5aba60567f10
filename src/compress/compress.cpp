#include "compress/compress.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "compress/distill.h"
#include "compress/prune.h"
#include "format/number.h"
#include "record/recipe.h"
#include "train/on_threads.h"

namespace vernier::compress {

namespace {

/// A variant with its weights, none where training it failed.
struct Made {
  ShapeSpec shape;
  double params = 0;
  std::optional<at::Tensor> weights_P;
};

std::int64_t step_tokens(const RunSpec& run) { return run.training.batch * run.shape.context; }

/// From the first sequence that the run has not read.
Course course_of(const RunSpec& run, const CompressionTask& task, TrainingSpec training) {
  const std::int64_t steps = task.tokens / step_tokens(run);
  const std::int64_t warmup = training.warmup_tokens / step_tokens(run);
  return {std::move(training), warmup, steps, run.tokens / run.shape.context, {}};
}

Made trained(const ptq::Ground& ground, Learner learner, const Lesson& lesson, const Course& course, double params,
             const std::atomic<bool>& stop) {
  const bool finite = teach(learner, lesson, course, *ground.corpus, stop);
  return {learner.config.shape, params, finite ? std::optional(learner.weights_P) : std::nullopt};
}

Made pruned(const ptq::Ground& ground, const train::Checkpoint& checkpoint, const CompressionTask& task,
            CompressionMethod method, const std::atomic<bool>& stop) {
  Learner learner = learner_of(checkpoint.config, train::weights_of(checkpoint, checkpoint.config.numbers));
  Course course = course_of(ground.spec, task, retraining_of(ground.spec, task));
  course.kept_P = method == CompressionMethod::Structured
                      ? structured_mask(learner.layout, learner.config.shape, learner.weights_P, *task.share)
                      : unstructured_mask(learner.layout, learner.weights_P, *task.share);
  learner.weights_P.mul_(course.kept_P);
  const double params = params_left(learner.layout, course.kept_P);
  const Lesson lesson = next_tokens(learner, ground.spec.training.batch);
  return trained(ground, std::move(learner), lesson, course, params, stop);
}

/// A student with the initial weights that a run of its shape and this seed would have.
Learner fresh(train::CheckpointConfig config, const CompressionTask& task, at::Device device) {
  config.shape.depth = *task.depth;
  config.shape.width = *task.width;
  config.shape.heads = *task.heads;
  const Recipe& recipe = recipe_named(config.recipe);
  const model::Layout layout = model::layout_of(recipe.architecture, config.shape, config.numbers);
  at::Tensor weights_P = at::zeros({layout.size}, at::TensorOptions().dtype(at::kFloat).device(device));
  model::initialise(layout, recipe, config.numbers, Stream(static_cast<std::uint64_t>(config.seed)).child("init"),
                    weights_P);
  return learner_of(config, weights_P);
}

Made distilled(const ptq::Ground& ground, const train::Checkpoint& teacher, const CompressionTask& task,
               const std::atomic<bool>& stop) {
  Learner student = fresh(teacher.config, task, ground.device);
  TrainingSpec training = ground.spec.training;
  training.learning_rate = task.learning_rate.value_or(training.learning_rate);
  const Course course = course_of(ground.spec, task, std::move(training));
  const double params = model::count(student.layout).non_embedding();
  const Lesson lesson = soft_targets(student, teacher);
  return trained(ground, std::move(student), lesson, course, params, stop);
}

void check_unrounded(const NumbersSpec& n) {
  for (const std::string& number : {n.weights, n.activations, n.kv, n.attention, n.gradients, n.embedding, n.head,
                                    n.input_gradients.value_or(n.gradients), n.weight_gradients.value_or(n.gradients)})
    if (parse_number(number).rounded)
      throw Error(fmt::format("numbers: expected a run that is not rounded, all of it fp32, got {}", number));
}

Compressed row_of(const ptq::Ground& ground, const train::Checkpoint& checkpoint, const CompressionTask& task,
                  const std::atomic<bool>& stop) {
  const CompressionMethod method = row_named("method", kCompressionMethods, task.method).method;
  const Made made = method == CompressionMethod::Distilled ? distilled(ground, checkpoint, task, stop)
                                                           : pruned(ground, checkpoint, task, method, stop);
  Compressed row{task, made.params, {}, {}};
  if (!made.weights_P) return row;
  ptq::Ground judge = ground;
  judge.threads = 1;
  judge.spec.shape = made.shape;
  const auto evaluation = ptq::evaluated(judge, {{checkpoint.config.numbers, *made.weights_P}})[0];
  if (!evaluation) return row;
  row.loss = evaluation->loss;
  row.cloze = evaluation->cloze;
  return row;
}

}  // namespace

TrainingSpec retraining_of(const RunSpec& run, const CompressionTask& task) {
  TrainingSpec training = run.training;
  training.learning_rate = task.learning_rate.value_or(training.learning_rate);
  training.schedule = "linear";
  training.final_rate = 0;
  training.cooldown = 0;
  const auto steps = static_cast<double>(task.tokens / step_tokens(run));
  training.warmup_tokens = static_cast<std::int64_t>(kWarmupShare * steps) * step_tokens(run);
  return training;
}

Compressed compressed(const ptq::Ground& ground, const train::Checkpoint& checkpoint, const CompressionTask& task,
                      const std::atomic<bool>& stop) {
  check_unrounded(checkpoint.config.numbers);
  Compressed row;
  train::on_threads(1, 1, [&](std::size_t) {
    // Inside of it every product has one thread, and the thread has the number 0, by which workers are told apart.
    at::parallel_for(0, 1, 1, [&](std::int64_t, std::int64_t) { row = row_of(ground, checkpoint, task, stop); });
  });
  return row;
}

}  // namespace vernier::compress
