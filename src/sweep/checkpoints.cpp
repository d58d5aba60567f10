#include "sweep/checkpoints.h"

namespace vernier::sweep {

namespace {

/// Tokens of training that cost as much as a look: of those that it reads a third, as a step goes forward and back.
double cost_of_look(const plan::Cohort& cohort) {
  const ClozeSpec& cloze = *cohort.cloze;
  const std::int64_t questions = cloze.items * cloze.choices * (cloze.prefix + cloze.answer);
  return static_cast<double>(cohort.validation_tokens + questions) / 3;
}

}  // namespace

std::optional<std::int64_t> next_look(const plan::Cohort& cohort, std::int64_t step) {
  if (!cohort.cloze) return std::nullopt;
  constexpr double kLooks = 0.5;
  const double tokens = static_cast<double>(cohort.step_tokens());
  std::int64_t next = 1;
  while (next <= step || static_cast<double>(next) * tokens < kLooks * cost_of_look(cohort)) next *= 4;
  return next;
}

}  // namespace vernier::sweep
