// The steps of a cohort with its members stacked: what a GPU does.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "train/cohort.h"
#include "train/stacked.h"

namespace vernier::train {

/// Members of one layout, and where each lies in the stack.
struct CohortTrainer::Stack {
  std::vector<std::size_t> members;
  Stacked stacked;

  /// Copies every member's storages into the stack, or out of it.
  void load(const CohortState& state) {
    for (std::size_t j = 0; j < members.size(); ++j) {
      const MemberState& member = state.members[members[j]];
      const auto row = static_cast<std::int64_t>(j);
      stacked.weights_KP[row].copy_(member.weights_P);
      stacked.first_moment_KP[row].copy_(member.first_moment_P);
      stacked.second_moment_KP[row].copy_(member.second_moment_P);
    }
    stacked.activate();
  }
  void store(CohortState& state) const {
    for (std::size_t j = 0; j < members.size(); ++j) {
      MemberState& member = state.members[members[j]];
      const auto row = static_cast<std::int64_t>(j);
      member.weights_P.copy_(stacked.weights_KP[row]);
      member.first_moment_P.copy_(stacked.first_moment_KP[row]);
      member.second_moment_P.copy_(stacked.second_moment_KP[row]);
    }
  }
};

namespace {

constexpr std::int64_t kStepsTogether = 32;  // between two looks at losses, norms and `stop`

bool all_diverged(const CohortState& state, const std::vector<std::size_t>& members) {
  return std::all_of(members.begin(), members.end(),
                     [&](std::size_t k) { return state.members[k].diverged_at.has_value(); });
}

}  // namespace

std::shared_ptr<CohortTrainer::Stack> CohortTrainer::stack_of(const std::vector<std::size_t>& members) const {
  std::vector<Member> chosen;
  for (const std::size_t k : members) chosen.push_back(spec_.members[k]);
  std::vector<NumbersSpec> numbers;
  for (const Member& member : chosen) numbers.push_back(member.numbers);
  const auto rules = [chosen, exact = spec_.exact](std::int64_t step) {
    std::vector<model::Rules> all;
    for (const Member& member : chosen) all.push_back(model::rules_of(member.numbers, member.seed, exact, step));
    return all;
  };
  model::Transformer cohort{
      spec_.shape, architecture_of(spec_.recipe), layouts_[members[0]], model::cohort_numbers(numbers), rules(0), {}};
  return std::make_shared<Stack>(Stack{members,
                                       {{std::move(cohort), spec_.training, rules, kStepsTogether},
                                        static_cast<std::int64_t>(members.size()),
                                        device_}});
}

std::vector<std::shared_ptr<CohortTrainer::Stack>> CohortTrainer::stacks_of(const CohortState& state,
                                                                            const std::vector<bool>& active) const {
  std::vector<std::vector<std::size_t>> split;
  for (std::size_t k = 0; k < spec_.members.size(); ++k) {
    if (!active[k] || state.members[k].diverged_at) continue;
    const auto group = std::find_if(split.begin(), split.end(), [&](const auto& members) {
      return model::same_storage(layouts_[members[0]], layouts_[k]);
    });
    if (group == split.end())
      split.push_back({k});
    else
      group->push_back(k);
  }
  std::vector<std::shared_ptr<Stack>> stacks;
  for (const auto& members : split) {
    const auto known =
        std::find_if(stacks_.begin(), stacks_.end(), [&](const auto& stack) { return stack->members == members; });
    stacks.push_back(known == stacks_.end() ? nullptr : *known);
  }
  stacks_.clear();  // what is not wanted again gives its memory back first
  for (std::size_t i = 0; i < split.size(); ++i) {
    if (!stacks[i]) stacks[i] = stack_of(split[i]);
    stacks[i]->load(state);
  }
  return stacks_ = stacks;
}

namespace {

/// Rates of every step and member, [S, K].
std::vector<cuda::Rates> rates_of(const CohortSpec& spec, const std::vector<std::size_t>& members,
                                  const CohortTrainer::Order& order, std::int64_t first_step, std::int64_t steps) {
  std::vector<cuda::Rates> rates;
  for (std::int64_t step = first_step; step < first_step + steps; ++step)
    for (const std::size_t k : members)
      rates.push_back(train::rates_of(spec.training, order.rate(spec.members[k], step), step + 1));
  return rates;
}

/// Takes what a stack found in steps that began with state.step into its members' curves.
void take_in(CohortState& state, const std::vector<std::size_t>& members, const std::vector<cuda::Found>& found,
             const CohortSpec& spec, const CohortTrainer::Order& order) {
  const std::size_t steps = found.size() / members.size();
  for (std::size_t i = 0; i < steps; ++i)
    for (std::size_t j = 0; j < members.size(); ++j) {
      MemberState& member = state.members[members[j]];
      const auto [loss, norm] = found[i * members.size() + j];
      const std::int64_t step = state.step + static_cast<std::int64_t>(i);
      if (member.diverged_at) continue;
      if (order.seen) order.seen(members[j], step + 1, loss, norm);
      if (!std::isfinite(loss) || !std::isfinite(norm)) member.diverged_at = step + 1;
      if (member.diverged_at) continue;
      note(member, loss, norm, order.rate(spec.members[members[j]], step), step + 1, spec.step_tokens(),
           order.close_curve && step + 1 == order.until);
    }
}

}  // namespace

void CohortTrainer::advance_stacked(CohortState& state, const Order& order, const std::atomic<bool>& stop) const {
  if (state.step >= order.until || stop) return;
  const auto stacks = stacks_of(state, order.active);
  const auto steps_from = [&](std::int64_t step) { return std::min(kStepsTogether, order.until - step); };
  at::Tensor tokens_SBT1 = batches(state.step, steps_from(state.step));
  while (state.step < order.until && !stop) {
    const std::int64_t steps = tokens_SBT1.size(0), next = state.step + steps;
    for (const auto& stack : stacks)
      if (!all_diverged(state, stack->members))
        stack->stacked.run({state.step, tokens_SBT1, rates_of(spec_, stack->members, order, state.step, steps)});
    if (next < order.until) tokens_SBT1 = batches(next, steps_from(next));  // while the device computes
    for (const auto& stack : stacks) {
      if (all_diverged(state, stack->members)) continue;
      take_in(state, stack->members, stack->stacked.found(), spec_, order);
      stack->store(state);
    }
    state.step = next;
    if (order.advanced) order.advanced(steps);
  }
}

}  // namespace vernier::train
