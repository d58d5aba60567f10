// What the end of a training step computes of one element and one member, on every device: norms, clipping, AdamW.
// Plain functions without a thread in sight; kernels.cu runs them on a GPU, train/finish_step.cpp on a CPU.
#pragma once

#include <cmath>
#include <cstdint>

#include "format/scale_search.h"

namespace vernier::train::cuda {

/// The storages of all members, one after another, [members, size] each; of a member's, `decayed` elements decay.
struct Storages {
  float *weights, *first_moment, *second_moment, *gradient;
  std::int64_t members, size, decayed;
};

/// What is the same for all members and steps. See train/adam.h for the formula.
struct Constants {
  float first, second, first_left, second_left, epsilon;
  double clip;
};

/// What the host knows of a member's step long before: `rate` and `root` hold the corrections of both moments' bias,
/// `kept` is what weight decay leaves of a weight.
struct Rates {
  float rate, kept, root;
};

/// What the device finds of a member's step.
struct Found {
  float loss, norm;
};

/// Where the step of all members is kept on the device.
struct StepMemory {
  const std::int64_t* place;  ///< of the step in its chunk
  const Rates* rates;         ///< [steps of a chunk, members]
  const float* losses;        ///< [members], means over a member's rows
  double* partials;           ///< [members, parts_of(size)], squared gradients
  float* factors;             ///< [members], by which gradients are multiplied
  std::int32_t* active;       ///< [members], becomes 0 at the first loss or gradient that is not finite
  Found* found;               ///< [steps of a chunk, members]
};

/// Elements whose squares one block of threads adds, in lanes that take turns.
inline constexpr std::int64_t kElementsOfPart = 1 << 14;
inline constexpr int kSquareLanes = 256;
VERNIER_BOTH inline std::int64_t parts_of(std::int64_t size) { return (size + kElementsOfPart - 1) / kElementsOfPart; }

/// What lane `lane` adds up of one part.
VERNIER_BOTH inline double lane_squares(const float* g, std::int64_t count, std::int64_t lane) {
  double sum = 0;
  for (std::int64_t i = lane; i < count; i += kSquareLanes)
    sum += static_cast<double>(g[i]) * static_cast<double>(g[i]);
  return sum;
}

/// Takes in a member's sums: whether it goes on, by which factor, and what the host is to be told.
VERNIER_BOTH inline void finish_member(const Storages& s, const Constants& constants, const StepMemory& memory,
                                       std::int64_t member, double squares) {
  const float loss = memory.losses[member], norm = static_cast<float>(std::sqrt(squares));
  const bool is_finite = loss - loss == 0 && norm - norm == 0;
  if (!is_finite) memory.active[member] = 0;
  memory.factors[member] = norm > constants.clip ? static_cast<float>(constants.clip / norm) : 1.0F;
  memory.found[*memory.place * s.members + member] = {loss, norm};
}

/// What becomes of a member's elements.
struct Update {
  Rates rates;
  float factor;
  bool active;
};
VERNIER_BOTH inline Update update_of(const Storages& s, const StepMemory& memory, std::int64_t member) {
  return {memory.rates[*memory.place * s.members + member], memory.factors[member], memory.active[member] != 0};
}

/// Element i of a member's storage, in the order of operations of adam(); the gradient stays.
VERNIER_BOTH inline void adamw_element(const Storages& s, const Constants& c, const Update& update, std::int64_t member,
                                       std::int64_t i) {
  if (!update.active) return;
  const std::int64_t at = member * s.size + i;
  const float gradient = s.gradient[at] * update.factor;
  const float m = c.first * s.first_moment[at] + c.first_left * gradient;
  const float v = c.second * s.second_moment[at] + c.second_left * gradient * gradient;
  const float kept = i < s.decayed ? update.rates.kept : 1.0F;
  s.first_moment[at] = m;
  s.second_moment[at] = v;
  s.weights[at] = s.weights[at] * kept - update.rates.rate * m / (std::sqrt(v) * update.rates.root + c.epsilon);
}

}  // namespace vernier::train::cuda
