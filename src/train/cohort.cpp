#include "train/cohort.h"

#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "data/moments.h"
#include "model/cpu/step.h"
#include "record/training_choices.h"
#include "train/cuda/device.h"
#include "train/memory.h"
#include "train/on_threads.h"
#include "train/optimizer.h"

namespace vernier::train {

namespace {

/// Steps between two looks at `stop` and two reports of progress: some tenths of a second on two cores.
std::int64_t steps_of_chunk(const CohortSpec& spec) {
  constexpr std::int64_t kMemberTokens = 1 << 16;
  return std::clamp<std::int64_t>(kMemberTokens / (spec.step_tokens() * static_cast<std::int64_t>(spec.members.size())),
                                  1, 32);
}

at::Tensor grown(const model::Layout& layout, at::Device device) {
  return at::zeros({layout.size}, at::TensorOptions().dtype(at::kFloat).device(device));
}

}  // namespace

bool is_curve_step(std::int64_t steps_done) {
  const auto doubling = std::bit_width(static_cast<std::uint64_t>(steps_done));  // 2^(doubling - 1) <= steps_done
  const std::int64_t interval = doubling <= 5 ? 1 : std::int64_t{1} << (doubling - 5);
  return steps_done > 0 && steps_done % interval == 0;
}

void close_curve(MemberState& member, std::int64_t steps_done, std::int64_t step_tokens) {
  if (member.loss_count == 0) return;
  const double loss = member.loss_sum / static_cast<double>(member.loss_count);
  member.curve.push_back({steps_done, steps_done * step_tokens, member.last_rate, loss, {}, member.last_norm});
  member.loss_sum = 0;
  member.loss_count = 0;
}

CohortState copy_of(const CohortState& state, const std::vector<bool>& active) {
  CohortState copy = state;
  for (std::size_t k = 0; k < copy.members.size(); ++k) {
    if (!active[k]) continue;
    MemberState& member = copy.members[k];
    member.weights_P = member.weights_P.clone();
    member.first_moment_P = member.first_moment_P.clone();
    member.second_moment_P = member.second_moment_P.clone();
  }
  return copy;
}

/// Members that are computed together, their storages stacked; on a CPU one member and its own storage.
struct CohortTrainer::Group {
  std::vector<std::size_t> members;
  at::Tensor weights_KP, first_moment_KP, second_moment_KP, gradient_KP;
  model::Transformer cohort;
};

CohortTrainer::CohortTrainer(CohortSpec spec, std::shared_ptr<const data::Corpus> corpus, at::Device device,
                             int threads)
    : spec_(std::move(spec)), corpus_(std::move(corpus)), device_(device), threads_(threads) {
  const Architecture& architecture = architecture_of(spec_.recipe);
  for (const Member& member : spec_.members) {
    layouts_.push_back(model::layout_of(architecture, spec_.shape, member.numbers));
    fused_.push_back(device_.is_cpu() && model::cpu::fuses(architecture, member.numbers));
  }
  if (spec_.cloze) cloze_ = data::cloze_of(*spec_.cloze, *corpus_);
  keep_freed_memory();
  make_workers();
  if (device_.is_cuda()) cuda::be_deterministic();
}

CohortState CohortTrainer::initial_state() const {
  CohortState state;
  const Recipe& recipe = recipe_named(spec_.recipe);
  for (std::size_t k = 0; k < spec_.members.size(); ++k) {
    const Member& member = spec_.members[k];
    const model::Layout& layout = layouts_[k];
    MemberState fresh{grown(layout, device_), grown(layout, device_), grown(layout, device_), {}, {}, 0, 0};
    model::initialise(layout, recipe, member.numbers, Stream(static_cast<std::uint64_t>(member.seed)).child("init"),
                      fresh.weights_P);
    state.members.push_back(std::move(fresh));
  }
  return state;
}

std::vector<CohortTrainer::Group> CohortTrainer::groups_of(const CohortState& state,
                                                           const std::vector<bool>& active) const {
  std::vector<std::vector<std::size_t>> split;
  for (std::size_t k = 0; k < spec_.members.size(); ++k) {
    if (!active[k] || state.members[k].diverged_at || fused_[k]) continue;
    const auto joins = [&](const auto& members) {
      return device_.is_cuda() && model::same_storage(layouts_[members[0]], layouts_[k]);
    };
    const auto group = std::find_if(split.begin(), split.end(), joins);
    if (group == split.end())
      split.push_back({k});
    else
      group->push_back(k);
  }
  std::vector<Group> groups;
  for (auto& members : split) {
    Group group;
    const auto stacked = [&](at::Tensor MemberState::*part) {
      if (members.size() == 1) return (state.members[members[0]].*part).unsqueeze(0);
      std::vector<at::Tensor> parts;
      for (const std::size_t k : members) parts.push_back(state.members[k].*part);
      return at::stack(parts);
    };
    group.weights_KP = stacked(&MemberState::weights_P);
    group.first_moment_KP = stacked(&MemberState::first_moment_P);
    group.second_moment_KP = stacked(&MemberState::second_moment_P);
    std::vector<NumbersSpec> numbers;
    for (const std::size_t k : members) numbers.push_back(spec_.members[k].numbers);
    group.members = std::move(members);
    const model::Layout& layout = layouts_[group.members[0]];
    group.cohort = {spec_.shape,
                    architecture_of(spec_.recipe),
                    layout,
                    model::cohort_numbers(numbers),
                    rules_of(group, std::nullopt),
                    model::views_of(layout, group.weights_KP)};
    groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<model::Rules> CohortTrainer::rules_of(const Group& group, std::optional<std::int64_t> step) const {
  std::vector<model::Rules> rules;
  for (const std::size_t k : group.members) {
    const Member& member = spec_.members[k];
    rules.push_back(step ? model::rules_of(member.numbers, member.seed, spec_.exact, *step)
                         : model::rules_of_evaluation(member.numbers, member.seed, spec_.exact));
  }
  return rules;
}

void CohortTrainer::on_threads(std::size_t pieces, const std::function<void(std::size_t)>& work) const {
  train::on_threads(threads_, pieces, work);
}

at::Tensor CohortTrainer::batches(std::int64_t first_step, std::int64_t steps) const {
  const std::int64_t sequences = steps * spec_.training.batch, context = spec_.shape.context;
  const at::Tensor tokens = at::empty({steps, spec_.training.batch, context + 1}, at::kLong);
  auto* all = tokens.data_ptr<std::int64_t>();
  const auto pieces = static_cast<std::size_t>(std::min<std::int64_t>(sequences, 16));
  on_threads(pieces, [&](std::size_t piece) {
    std::vector<std::uint16_t> sequence(static_cast<std::size_t>(context + 1));
    for (auto i = static_cast<std::int64_t>(piece); i < sequences; i += static_cast<std::int64_t>(pieces)) {
      corpus_->train_sequence(first_step * spec_.training.batch + i, context, sequence.data());
      std::copy(sequence.begin(), sequence.end(), all + i * (context + 1));
    }
  });
  return tokens.to(device_);
}

void note(MemberState& member, double loss, double norm, double rate, std::int64_t steps_done, std::int64_t step_tokens,
          bool last) {
  member.loss_sum += loss;
  ++member.loss_count;
  member.last_rate = rate;
  member.last_norm = norm;
  if (last || is_curve_step(steps_done)) close_curve(member, steps_done, step_tokens);
}

namespace {

/// Leaf tensors over the storage's parameters, with their gradients laid into one flat storage too.
void attach_gradients(std::vector<at::Tensor>& parameters, const model::Layout& layout, const at::Tensor& gradient_KP) {
  const auto gradients = model::views_of(layout, gradient_KP);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i] = parameters[i].detach().requires_grad_();
    parameters[i].mutable_grad() = gradients[i];
  }
}

}  // namespace

bool CohortTrainer::diverges(const Ended& ended, const OptimizerState& storages, MemberState& member,
                             const Order& order) const {
  const auto [k, step, loss, norm] = ended;
  if (order.seen) order.seen(k, step + 1, loss, norm);
  if (!std::isfinite(loss) || !std::isfinite(norm)) member.diverged_at = member.diverged_at.value_or(step + 1);
  if (member.diverged_at) return true;
  const double rate = order.rate(spec_.members[k], step);
  const double factor = norm > spec_.training.clip ? spec_.training.clip / norm : 1.0;
  const MemberStep update{{rate, factor, step + 1}, storages};
  optimise(spec_.training, layouts_[k], {&update, 1});
  note(member, loss, norm, rate, step + 1, spec_.step_tokens(), order.close_curve && step + 1 == order.until);
  return false;
}

void CohortTrainer::train_group(Group& group, CohortState& state, const Order& order,
                                const at::Tensor& tokens_SBT1) const {
  group.gradient_KP = at::zeros_like(group.weights_KP);
  attach_gradients(group.cohort.parameters, group.cohort.layout, group.gradient_KP);
  for (std::int64_t i = 0; i < tokens_SBT1.size(0); ++i) {
    const std::int64_t step = state.step + i;
    group.cohort.rules = rules_of(group, step);
    const at::Tensor loss_K = model::row_losses(group.cohort, tokens_SBT1[i]).mean(1);
    loss_K.sum().backward();
    const at::Tensor norms_K = group.gradient_KP.norm(2, {1}).to(at::kCPU), losses_K = loss_K.detach().to(at::kCPU);
    for (std::size_t j = 0; j < group.members.size(); ++j) {
      const auto row = static_cast<std::int64_t>(j);
      at::Tensor w = group.weights_KP[row], m = group.first_moment_KP[row], v = group.second_moment_KP[row],
                 gradient = group.gradient_KP[row];
      const Ended ended{group.members[j], step, losses_K[row].item<double>(), norms_K[row].item<double>()};
      if (diverges(ended, {w, m, v, gradient}, state.members[group.members[j]], order)) gradient.zero_();
    }
    if (group.members.size() == 1 && state.members[group.members[0]].diverged_at) return;
  }
}

void CohortTrainer::advance(CohortState& state, const Order& order, const std::atomic<bool>& stop) const {
  const bool on_device = device_.is_cuda() && optimizer_of(spec_.training) == Optimizer::AdamW;
  if (on_device) return advance_stacked(state, order, stop);
  while (state.step < order.until && !stop) {
    const std::int64_t steps = std::min(steps_of_chunk(spec_), order.until - state.step);
    const at::Tensor tokens = batches(state.step, steps);
    const auto fused = fused_of(state, order.active);
    auto groups = groups_of(state, order.active);
    on_threads(fused.size() + groups.size(), [&](std::size_t i) {
      if (i < fused.size()) return train_fused(fused[i], state, order, tokens);
      train_group(groups[i - fused.size()], state, order, tokens);
    });
    for (const Group& group : groups) unstack(group, state);
    state.step += steps;
    if (order.advanced) order.advanced(steps);
  }
}

void CohortTrainer::unstack(const Group& group, CohortState& state) const {
  if (group.members.size() == 1) return;  // its storage is the member's own
  for (std::size_t j = 0; j < group.members.size(); ++j) {
    MemberState& member = state.members[group.members[j]];
    const auto row = static_cast<std::int64_t>(j);
    member.weights_P = group.weights_KP[row].clone();
    member.first_moment_P = group.first_moment_KP[row].clone();
    member.second_moment_P = group.second_moment_KP[row].clone();
  }
}

std::vector<std::vector<double>> CohortTrainer::sequence_losses(const CohortState& state,
                                                                const std::vector<bool>& active,
                                                                const Sequences& sequences) const {
  std::vector<std::vector<double>> losses(spec_.members.size());
  const auto fused = fused_of(state, active);
  const auto groups = groups_of(state, active);
  on_threads(fused.size() + groups.size(), [&](std::size_t piece) {
    if (piece < fused.size()) {
      losses[fused[piece]] = fused_losses(fused[piece], state.members[fused[piece]], sequences);
      return;
    }
    const Group& group = groups[piece - fused.size()];
    auto of_members = group_losses(group, sequences);
    for (std::size_t j = 0; j < group.members.size(); ++j) losses[group.members[j]] = std::move(of_members[j]);
  });
  return losses;
}

std::vector<std::vector<double>> CohortTrainer::group_losses(const Group& group, const Sequences& sequences) const {
  const at::NoGradGuard no_gradients;
  std::vector<std::vector<double>> losses(group.members.size());
  const auto members = static_cast<std::int64_t>(group.members.size());
  for (const at::Tensor& batch : sequences.tokens_ST1.split(sequences.batch)) {
    const at::Tensor rows_KR = model::row_losses(group.cohort, batch).to(at::kCPU, at::kDouble);
    const at::Tensor rows_KST = rows_KR.view({members, batch.size(0), -1});
    const at::Tensor means_KS = rows_KST.slice(2, sequences.first_row).mean(2).contiguous();
    const auto* means = means_KS.const_data_ptr<double>();
    for (std::vector<double>& of_member : losses) {
      of_member.insert(of_member.end(), means, means + batch.size(0));
      means += batch.size(0);
    }
  }
  return losses;
}

CohortTrainer::HeldOut CohortTrainer::held_out() const {
  const std::int64_t context = spec_.shape.context, sequences = spec_.validation_tokens / context;
  HeldOut part{at::empty({sequences, context + 1}, at::kLong), 0.0};
  std::vector<std::uint16_t> sequence(static_cast<std::size_t>(context + 1));
  for (std::int64_t i = 0; i < sequences; ++i) {
    corpus_->validation_sequence(i, context, sequence.data());
    std::copy(sequence.begin(), sequence.end(), part.tokens_ST1.data_ptr<std::int64_t>() + i * (context + 1));
    const auto entropy = corpus_->sequence_entropy(sequence.data(), context);
    part.floor =
        entropy && part.floor ? std::optional(*part.floor + *entropy / static_cast<double>(sequences)) : std::nullopt;
  }
  part.tokens_ST1 = part.tokens_ST1.to(device_);
  return part;
}

/// Every choice after the prefix of its item, no longer than that. A batch has whole items, as many as have no more
/// tokens than one of training, so that its memory suffices.
CohortTrainer::Sequences CohortTrainer::questions() const {
  const ClozeSpec& cloze = cloze_->spec;
  const std::int64_t length = cloze.prefix + cloze.answer;
  Sequences all{at::empty({cloze.items * cloze.choices, length}, at::kLong), 0, cloze.prefix - 1};
  auto* to = all.tokens_ST1.data_ptr<std::int64_t>();
  for (const data::ClozeItem& item : cloze_->items)
    for (std::size_t c = 0; c < item.choices.size(); ++c) to = std::ranges::copy(data::sequence_of(item, c), to).out;
  const std::int64_t items = spec_.step_tokens() / ((length - 1) * cloze.choices);
  all.batch = std::max<std::int64_t>(1, items) * cloze.choices;
  all.tokens_ST1 = all.tokens_ST1.to(device_);
  return all;
}

std::vector<std::optional<TaskResult>> CohortTrainer::answers(const CohortState& state,
                                                              const std::vector<bool>& active) const {
  const auto losses = sequence_losses(state, active, questions());
  std::vector<std::optional<TaskResult>> results(spec_.members.size());
  for (std::size_t k = 0; k < results.size(); ++k)
    if (!losses[k].empty()) results[k] = data::result_of(*cloze_, losses[k]);
  return results;
}

std::vector<std::optional<Evaluation>> CohortTrainer::evaluate(const CohortState& state,
                                                               const std::vector<bool>& active) const {
  const HeldOut part = held_out();
  const auto losses = sequence_losses(state, active, {part.tokens_ST1, spec_.training.batch, 0});
  std::vector<std::optional<TaskResult>> answered(spec_.members.size());
  if (cloze_) answered = answers(state, active);
  std::vector<std::optional<Evaluation>> results(spec_.members.size());
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (losses[k].empty()) continue;
    const data::Moments moments = data::moments_of(losses[k]);
    if (!std::isfinite(moments.mean)) continue;
    const std::int64_t tokens = part.tokens_ST1.size(0) * spec_.shape.context;
    results[k] = Evaluation{moments.mean, moments.standard_error, part.floor, tokens, answered[k]};
    if (cloze_) results[k]->cloze_known = cloze_->known;
  }
  return results;
}

}  // namespace vernier::train
