#include "train/finish_step.h"

#include <array>
#include <cmath>

#include "train/cuda/device.h"

namespace vernier::train {

cuda::Constants constants_of(const TrainingSpec& t) {
  const auto to_float = [](double x) { return static_cast<float>(x); };
  return {to_float(t.beta1),     to_float(t.beta2),   to_float(1 - t.beta1),
          to_float(1 - t.beta2), to_float(t.epsilon), t.clip};
}

cuda::Rates rates_of(const TrainingSpec& t, double learning_rate, std::int64_t count) {
  const auto steps = static_cast<double>(count);
  return {static_cast<float>(learning_rate / (1 - std::pow(t.beta1, steps))),
          static_cast<float>(1 - learning_rate * t.weight_decay),
          static_cast<float>(1 / std::sqrt(1 - std::pow(t.beta2, steps)))};
}

namespace {

using Lanes = std::array<double, cuda::kSquareLanes>;

/// In the order of a block of the kernels.
double sum_of_block(Lanes lanes) {
  for (std::size_t by = lanes.size() / 2; by > 0; by /= 2)
    for (std::size_t lane = 0; lane < by; ++lane) lanes[lane] += lanes[lane + by];
  return lanes[0];
}

double squares_of(const float* gradient, std::int64_t size) {
  Lanes totals{};
  for (std::int64_t part = 0; part < cuda::parts_of(size); ++part) {
    const std::int64_t first = part * cuda::kElementsOfPart, count = std::min(cuda::kElementsOfPart, size - first);
    Lanes lanes;
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
      lanes[lane] = cuda::lane_squares(gradient + first, count, static_cast<std::int64_t>(lane));
    totals[static_cast<std::size_t>(part % cuda::kSquareLanes)] += sum_of_block(lanes);
  }
  return sum_of_block(totals);
}

}  // namespace

void finish_step(const cuda::Storages& s, const cuda::Constants& constants, const cuda::StepMemory& memory,
                 const at::Device& device) {
  if (device.is_cuda()) return cuda::finish(s, constants, memory, device);
  for (std::int64_t member = 0; member < s.members; ++member) {
    finish_member(s, constants, memory, member, squares_of(s.gradient + member * s.size, s.size));
    const cuda::Update update = update_of(s, memory, member);
    for (std::int64_t i = 0; i < s.size; ++i) adamw_element(s, constants, update, member, i);
  }
}

}  // namespace vernier::train
