// The steps of members that the fused step computes: most of what trains on a CPU.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <cmath>
#include <numeric>

#include "model/cpu/kernels.h"
#include "model/cpu/step.h"
#include "train/cohort.h"

namespace vernier::train {

/// What a thread keeps from member to member and from call to call.
struct CohortTrainer::Worker {
  model::cpu::Workspace workspace;
  std::optional<model::cpu::StepAsked> asked;
  std::optional<model::cpu::Step> step;
  at::Tensor gradient_P;

  model::cpu::Step& step_for(const model::cpu::StepAsked& wanted) {
    if (asked == wanted) return *step;
    step.reset();
    step.emplace(wanted, workspace);
    asked = wanted;
    return *step;
  }
};

namespace {

model::cpu::StepAsked step_of(const CohortSpec& spec, std::size_t member, bool backward) {
  model::cpu::StepAsked asked;
  asked.shape = spec.shape;
  asked.qk_norm = architecture_of(spec.recipe).qk_norm;
  asked.numbers = spec.members[member].numbers;
  asked.batch = spec.training.batch;
  asked.exact = spec.exact;
  asked.recompute = spec.recompute && backward;
  asked.backward = backward;
  return asked;
}

/// Of a gradient, its squares summed in pieces of one size whatever the number of threads.
double norm_of(const at::Tensor& gradient_P) {
  constexpr std::int64_t kPiece = 1 << 14;
  const std::int64_t size = gradient_P.numel(), pieces = (size + kPiece - 1) / kPiece;
  thread_local std::vector<double> sums;
  sums.resize(static_cast<std::size_t>(pieces));
  double* sum_of = sums.data();
  const auto* g = gradient_P.const_data_ptr<float>();
  at::parallel_for(0, pieces, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      sum_of[i] = model::cpu::sum_of_squares(g + i * kPiece, std::min(kPiece, size - i * kPiece));
  });
  return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

}  // namespace

std::vector<std::size_t> CohortTrainer::fused_of(const CohortState& state, const std::vector<bool>& active) const {
  std::vector<std::size_t> members;
  for (std::size_t k = 0; k < spec_.members.size(); ++k)
    if (active[k] && !state.members[k].diverged_at && fused_[k]) members.push_back(k);
  return members;
}

CohortTrainer::Worker& CohortTrainer::worker() const {
  return *workers_[static_cast<std::size_t>(at::get_thread_num())];
}

void CohortTrainer::make_workers() {
  for (int i = 0; i < threads_; ++i) workers_.push_back(std::make_shared<Worker>());
}

void CohortTrainer::train_fused(std::size_t k, CohortState& state, const Order& order,
                                const at::Tensor& tokens_SBT1) const {
  Worker& worker = this->worker();
  model::cpu::Step& fused = worker.step_for(step_of(spec_, k, true));
  MemberState& member = state.members[k];
  at::Tensor& gradient = worker.gradient_P;
  if (!gradient.defined() || gradient.numel() != layouts_[k].size) gradient = at::empty({layouts_[k].size});
  for (std::int64_t i = 0; i < tokens_SBT1.size(0); ++i) {
    const std::int64_t step = state.step + i;
    const model::Rules rules = model::rules_of(spec_.members[k].numbers, spec_.members[k].seed, spec_.exact, step);
    const auto* tokens = tokens_SBT1.const_data_ptr<std::int64_t>() + i * tokens_SBT1.stride(0);
    const double loss =
        fused.train(rules, member.weights_P.const_data_ptr<float>(), tokens, gradient.data_ptr<float>());
    const Ended ended{k, step, loss, norm_of(gradient)};
    if (diverges(ended, {member.weights_P, member.first_moment_P, member.second_moment_P, gradient}, member, order))
      return;
  }
}

std::vector<double> CohortTrainer::fused_losses(std::size_t k, const MemberState& member,
                                                const Sequences& asked) const {
  const std::int64_t count = asked.tokens_ST1.size(0), length = asked.tokens_ST1.size(1) - 1, from = asked.first_row;
  model::cpu::StepAsked evaluation = step_of(spec_, k, false);
  evaluation.shape.context = length;  // which no parameter of these models depends on
  evaluation.batch = asked.batch;
  model::cpu::Step& fused = worker().step_for(evaluation);
  const Member& its = spec_.members[k];
  const model::Rules rules = model::rules_of_evaluation(its.numbers, its.seed, spec_.exact);
  std::vector<double> losses;
  for (std::int64_t first = 0; first < count; first += asked.batch) {
    const std::int64_t sequences = std::min(asked.batch, count - first);
    const float* row = fused.losses(rules, member.weights_P.const_data_ptr<float>(),
                                    asked.tokens_ST1.const_data_ptr<std::int64_t>() + first * (length + 1), sequences);
    for (std::int64_t s = 0; s < sequences; ++s, row += length)
      losses.push_back(std::accumulate(row + from, row + length, 0.0) / static_cast<double>(length - from));
  }
  return losses;
}

}  // namespace vernier::train
