#include "train/stacked.h"

#include <torch/torch.h>

#include <cstring>

namespace vernier::train {

namespace {

static_assert(sizeof(cuda::Rates) == 3 * sizeof(float) && sizeof(cuda::Found) == 2 * sizeof(float));

/// Leaf tensors over the storage's parameters.
std::vector<at::Tensor> leaves_of(const model::Layout& layout, const at::Tensor& weights_KP) {
  std::vector<at::Tensor> leaves = model::views_of(layout, weights_KP);
  for (at::Tensor& leaf : leaves) leaf = leaf.detach().requires_grad_();
  return leaves;
}

/// The gradients of the members' losses, each laid into its place in the storage.
void differentiate(const at::Tensor& loss_K, const std::vector<at::Tensor>& leaves,
                   const std::vector<at::Tensor>& places) {
  const auto gradients = torch::autograd::grad({loss_K.sum()}, leaves, {}, std::nullopt, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < places.size(); ++i)
    gradients[i].defined() ? places[i].copy_(gradients[i]) : places[i].zero_();
}

/// Row `place` of a table by steps.
at::Tensor row_at(const at::Tensor& table_S, const at::Tensor& place) {
  return table_S.index_select(0, place).squeeze(0);
}

}  // namespace

Stacked::Stacked(StackedSpec spec, std::int64_t members, at::Device device)
    : spec_(std::move(spec)), members_(members), device_(device) {
  const at::TensorOptions floats = at::TensorOptions().dtype(at::kFloat).device(device),
                          longs = floats.dtype(at::kLong);
  const std::int64_t size = spec_.cohort.layout.size, steps = spec_.most_steps;
  weights_KP = at::zeros({members, size}, floats);
  first_moment_KP = at::zeros_like(weights_KP);
  second_moment_KP = at::zeros_like(weights_KP);
  gradient_KP_ = at::zeros_like(weights_KP);
  partials_ = at::zeros({members, cuda::parts_of(size)}, floats.dtype(at::kDouble));
  factors_K_ = at::ones({members}, floats);
  active_K_ = at::ones({members}, floats.dtype(at::kInt));
  place_ = at::zeros({1}, longs);
  tokens_SBT1_ = at::zeros({steps, spec_.training.batch, spec_.cohort.shape.context + 1}, longs);
  rates_SK3_ = at::zeros({steps, members, 3}, floats);
  found_SK2_ = at::zeros({steps, members, 2}, floats);
  spec_.cohort.parameters = leaves_of(spec_.cohort.layout, weights_KP);
  gradients_ = model::views_of(spec_.cohort.layout, gradient_KP_);
}

void Stacked::activate() { active_K_.fill_(1); }

void Stacked::run(const Chunk& chunk) {
  const auto steps = [&] {
    start(chunk);
    for (std::int64_t i = 0; i < steps_; ++i) one_step(chunk.first_step + i);
  };
  device_.is_cuda() ? cuda::on_own_stream(device_, steps) : steps();
}

void Stacked::start(const Chunk& chunk) {
  first_step_ = chunk.first_step;
  steps_ = chunk.tokens_SBT1.size(0);
  TORCH_CHECK(steps_ <= spec_.most_steps && std::ssize(chunk.rates) == steps_ * members_, "a chunk of at most ",
              spec_.most_steps, " steps expected, got ", steps_);
  tokens_SBT1_.narrow(0, 0, steps_).copy_(chunk.tokens_SBT1);
  const at::Tensor rates = at::empty({steps_, members_, 3}, at::kFloat);
  std::memcpy(rates.data_ptr(), chunk.rates.data(), chunk.rates.size() * sizeof(cuda::Rates));
  rates_SK3_.narrow(0, 0, steps_).copy_(rates);
  place_.zero_();
  if (table_.keys != nullptr) upload_keys();
}

/// The first steps are asked for one by one: they teach which tensors draw, begin learned scales and let libraries set
/// themselves up, none of which may be recorded.
void Stacked::one_step(std::int64_t step) {
  constexpr std::int64_t kAskedFor = 2;
  const bool repeats = issued_ >= kAskedFor && step > 0;
  ++issued_;
  if (repeats) {
    if (table_.keys == nullptr && !table_.places.empty()) learn_keys();
    return repeat();
  }
  const auto* keys = std::exchange(table_.keys, nullptr);  // this step's are values
  set_rules(step);
  issue();
  table_.keys = keys;
}

void Stacked::set_rules(std::int64_t step) {
  spec_.cohort.rules = spec_.rules(step);
  for (std::size_t k = 0; k < spec_.cohort.rules.size(); ++k) {
    spec_.cohort.rules[k].table = &table_;
    spec_.cohort.rules[k].member = k;
  }
}

void Stacked::learn_keys() {
  const auto places = std::ssize(table_.places);
  keys_SN_ = at::zeros({spec_.most_steps, places}, place_.options());
  keys_N_ = at::zeros({places}, place_.options());
  table_.keys = reinterpret_cast<const std::uint64_t*>(keys_N_.const_data_ptr<std::int64_t>());
  upload_keys();
}

void Stacked::upload_keys() {
  const at::Tensor keys = at::empty({steps_, keys_N_.size(0)}, at::kLong);
  auto* at = keys.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < steps_; ++i) {
    const auto rules = spec_.rules(first_step_ + i);
    for (const auto& place : table_.places)
      *at++ = static_cast<std::int64_t>(rules[place.member].draws.child(place.tensor).key());
  }
  keys_SN_.narrow(0, 0, steps_).copy_(keys);
}

/// Asks for a step that any other step but the first would be too.
void Stacked::repeat() {
  if (recorded_) return cuda::replay(*recorded_);
  set_rules(1);  // never that of the step, so that nothing can depend on it
  if (!device_.is_cuda() || !spec_.records) return issue();
  try {
    recorded_ = cuda::recorded([this] { issue(); });
  } catch (const std::exception& error) {
    const std::string_view text = error.what();
    TORCH_WARN("the training step cannot be recorded and is asked for anew every time: ",
               text.substr(0, text.find('\n')));
    spec_.records = false;
    return issue();
  }
  cuda::replay(*recorded_);
}

void Stacked::issue() {
  const at::Tensor tokens_BT1 = row_at(tokens_SBT1_, place_);
  if (table_.keys != nullptr) keys_N_.copy_(row_at(keys_SN_, place_));
  const at::Tensor loss_K = model::row_losses(spec_.cohort, tokens_BT1).mean(1);
  differentiate(loss_K, spec_.cohort.parameters, gradients_);
  finish(loss_K.detach());
  place_.add_(1);
}

void Stacked::finish(const at::Tensor& loss_K) {
  const cuda::Storages storages{weights_KP.data_ptr<float>(),
                                first_moment_KP.data_ptr<float>(),
                                second_moment_KP.data_ptr<float>(),
                                gradient_KP_.data_ptr<float>(),
                                members_,
                                weights_KP.size(1),
                                spec_.cohort.layout.decayed};
  const cuda::StepMemory memory{place_.const_data_ptr<std::int64_t>(),
                                reinterpret_cast<const cuda::Rates*>(rates_SK3_.const_data_ptr<float>()),
                                loss_K.const_data_ptr<float>(),
                                partials_.data_ptr<double>(),
                                factors_K_.data_ptr<float>(),
                                active_K_.data_ptr<std::int32_t>(),
                                reinterpret_cast<cuda::Found*>(found_SK2_.data_ptr<float>())};
  finish_step(storages, constants_of(spec_.training), memory, device_);
}

std::vector<cuda::Found> Stacked::found() {
  const at::Tensor read = found_SK2_.narrow(0, 0, steps_).to(at::kCPU).contiguous();
  std::vector<cuda::Found> all(static_cast<std::size_t>(steps_ * members_));
  std::memcpy(all.data(), read.const_data_ptr<float>(), all.size() * sizeof(cuda::Found));
  return all;
}

}  // namespace vernier::train
