// Jumps of a training loss, seen as they happen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace vernier::train {

struct Spike {
  std::int64_t step = 0;  ///< counted from 1
  double loss = 0;        ///< [nats per token]
  double above = 0;       ///< the running median [nats per token]
};

/// The last losses of one member, and whether the last of them stood out.
struct SpikeWatch {
  static constexpr std::size_t kWindow = 64;  ///< steps of the running median
  std::array<double, kWindow> losses{};
  std::size_t seen = 0;
  bool inside = false;
};

/// Takes in one step's loss. A spike begins where the loss exceeds the median of the last kWindow steps by more than
///
///   max(1/2 nat, 6 * 1.4826 median |loss - median|)
///
/// (the factor makes the median deviation that of a Gaussian: Hampel, JASA 69, 1974) and ends where it no longer does;
/// it is given back at its first step only. Losses that are not finite are no spikes and leave the window as it is.
std::optional<Spike> spike_at(SpikeWatch& watch, std::int64_t step, double loss);

}  // namespace vernier::train
