#include "sweep/checkpoints.h"

#include <bit>

namespace vernier::sweep {

namespace {

/// Tokens that a look reads, in tokens of training: a forward pass is about a third of a step.
std::int64_t cost_of_look(const plan::Cohort& cohort) {
  const ClozeSpec& cloze = *cohort.cloze;
  return (cohort.validation_tokens + cloze.items * cloze.choices * (cloze.prefix + cloze.answer)) / 3;
}

}  // namespace

std::optional<std::int64_t> next_look(const plan::Cohort& cohort, std::int64_t step) {
  if (!cohort.cloze) return std::nullopt;
  constexpr std::int64_t kLooks = 3;
  const std::int64_t first = kLooks * cost_of_look(cohort) / cohort.step_tokens();
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max(first, step + 1))));
}

}  // namespace vernier::sweep
