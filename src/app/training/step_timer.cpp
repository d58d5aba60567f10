#include "app/training/step_timer.h"

#include "app/training/timing.h"
#include "record/training.h"

namespace vernier::app {

namespace {

constexpr double kRate = 1e-3;
constexpr std::int64_t kStepsOnGpu = 16;

train::CohortSpec cohort_of(const StepsAsked& asked) {
  train::CohortSpec spec;
  spec.shape = asked.shape;
  spec.recipe = asked.recipe;
  spec.training = training_by(recipe_named(asked.recipe), asked.batch, kRate, 0);
  spec.exact = asked.exact;
  for (std::int64_t k = 0; k < asked.members; ++k) spec.members.push_back({asked.numbers, kRate, k + 1});
  return spec;
}

std::shared_ptr<const data::Corpus> corpus_of(const ShapeSpec& shape) {
  CorpusSpec corpus;
  corpus.oracle.vocab = shape.vocab;
  return data::open_corpus(corpus);
}

}  // namespace

StepTimer::StepTimer(const StepsAsked& asked, const sweep::Machine& machine)
    : trainer_(cohort_of(asked), corpus_of(asked.shape), machine.device, machine.threads),
      state_(trainer_.initial_state()),
      all_(static_cast<std::size_t>(asked.members), true) {}

double StepTimer::next() {
  const std::atomic<bool> stop = false;
  const auto rate = [](const train::Member& member, std::int64_t) { return member.learning_rate; };
  const std::int64_t steps = trainer_.device().is_cuda() ? kStepsOnGpu : 1;
  return seconds_of(trainer_.device(),
                    [&] {
                      trainer_.advance(state_, {state_.step + steps, rate, all_, false, {}}, stop);
                    }) /
         static_cast<double>(steps);
}

}  // namespace vernier::app
