// Floats of a thread for a moment: grown to the largest that was asked for, and then never allocated again.
#pragma once

#include <cstdint>
#include <vector>

#include "model/cpu/products.h"

namespace vernier::model::cpu {

/// Tells apart what one thread needs at once.
enum class Slot { Factors, Scaled, Parts, Wide, Turned, Tile, SecondTile, Attention, Gradients };

template <Slot slot>
float* scratch(std::int64_t floats) {
  thread_local std::vector<float> room;
  if (static_cast<std::int64_t>(room.size()) < floats) room.resize(static_cast<std::size_t>(floats));
  return room.data();
}

template <Slot slot>
Bf16* bf16_scratch(std::int64_t count) {
  return reinterpret_cast<Bf16*>(scratch<slot>((count + 1) / 2));
}

}  // namespace vernier::model::cpu
