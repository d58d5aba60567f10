#include "ptq/evaluate.h"

#include <torch/torch.h>

#include <algorithm>

#include "train/on_threads.h"

namespace vernier::ptq {

Calibration calibration_from(const Ground& ground, std::int64_t sequences) {
  const std::int64_t context = ground.spec.shape.context;
  const std::int64_t count = std::min(sequences, ground.corpus->train_sequences_available(context));
  const at::Tensor tokens_ST1 = at::empty({count, context + 1}, at::kLong);
  std::vector<std::uint16_t> sequence(static_cast<std::size_t>(context + 1));
  for (std::int64_t i = 0; i < count; ++i) {
    ground.corpus->train_sequence(i, context, sequence.data());
    std::copy(sequence.begin(), sequence.end(), tokens_ST1.data_ptr<std::int64_t>() + i * (context + 1));
  }
  return {tokens_ST1.narrow(1, 0, context).contiguous(), ground.spec.training.batch};
}

std::vector<std::optional<train::Evaluation>> evaluated(const Ground& ground, const std::vector<Variant>& variants) {
  const RunSpec& run = ground.spec;
  train::CohortSpec spec{run.shape, run.recipe, run.training, {}, run.validation_tokens, run.exact, false, run.cloze};
  train::CohortState state;
  for (const Variant& variant : variants) {
    spec.members.push_back({variant.numbers, run.training.learning_rate, run.seed});
    const at::Tensor no_moments = at::empty({0});
    state.members.push_back({variant.weights_P, no_moments, no_moments, {}, {}, 0, 0});
  }
  const train::CohortTrainer trainer(std::move(spec), ground.corpus, ground.device, ground.threads);
  return trainer.evaluate(state, std::vector<bool>(variants.size(), true));
}

std::vector<PostTrained> post_trained(const Ground& ground, const train::Checkpoint& checkpoint, double loss_before,
                                      const std::vector<PtqTask>& tasks, std::int64_t calibration_sequences) {
  const Calibration calibration = calibration_from(ground, calibration_sequences);
  std::vector<Variant> variants(tasks.size());
  train::on_threads(ground.device.is_cpu() ? ground.threads : 1, tasks.size(), [&](std::size_t i) {
    const Options options{row_named("method", kPtqMethods, tasks[i].method).method, parse_number(tasks[i].weights), {}};
    const QuantizedModel made = quantized_model(checkpoint, calibration, options, 1);
    variants[i] = {made.config.numbers, made.weights_P};
  });
  const auto evaluations = evaluated(ground, variants);
  std::vector<PostTrained> rows;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    PostTrained row{tasks[i].method, tasks[i].weights, {}, {}};
    if (evaluations[i]) {
      row.loss = evaluations[i]->loss;
      row.delta = evaluations[i]->loss - loss_before;
      row.cloze = evaluations[i]->cloze;
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace vernier::ptq
