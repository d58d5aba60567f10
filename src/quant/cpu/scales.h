// Scales from largest magnitudes; see scale_of in format/quantize_matrix.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/grid.h"

namespace vernier::quant::cpu {

/// A scale that underflows is the smallest positive fp32 instead.
inline float nonzero(float scale) { return std::max(scale, kSmallestFloat); }

/// The scales of groups from their absmax, in place, by a rule that needs no more of them and no other group.
void scales_from_absmax(float* absmax, std::int64_t count, Scale rule, const Grid& grid);

/// NVFP4's two levels, in place, from the absmax of every block.
void scale_in_two_levels(float* absmax, std::int64_t count, const Grid& grid);

}  // namespace vernier::quant::cpu
