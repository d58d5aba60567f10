// Recipes carry dates and are data: what a model of that time was made of, and how it was trained.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/table.h"
#include "record/run_record.h"

namespace vernier {

struct Recipe {
  std::string_view name;
  std::string_view date;  ///< of the source [YYYY-MM-DD]
  std::string_view source;
  bool qk_norm;  ///< RMS norm without gain on every head's query and key, before the rotary embedding
  double beta1, beta2, epsilon, weight_decay, clip;
  double cooldown;             ///< share of all tokens
  double embedding_deviation;  ///< of the initial embedding; other matrices start with 1 / sqrt(inputs)
  std::int64_t head_width;     ///< aimed at where an experiment gives no head count
};

/// Both are pre-RMSNorm, rotary embedding by halves, SwiGLU, no biases, untied head, AdamW, warmup-stable-decay.
inline constexpr std::array kRecipes{
    Recipe{"2023-llama", "2023-02-27", "Touvron et al., arXiv 2302.13971", false, 0.9, 0.95, 1e-8, 0.1, 1.0, 0.2, 0.5,
           32},
    Recipe{"2024-wsd", "2024-04-09", "Hu et al., arXiv 2404.06395; Haegele et al., arXiv 2405.18392", true, 0.9, 0.95,
           1e-8, 0.1, 1.0, 0.2, 0.5, 32},
};
static_assert(names_differ(kRecipes));

/// Hidden width of the gated mlp: 8/3 of the width, up to a multiple of 16.
std::int64_t mlp_width(const ShapeSpec& shape);

/// Parameters of a model by role. Both recipes have the same: gains of norms are counted under norm.
CountByRole parameters_of(const ShapeSpec& shape);

/// FLOPs of training on one token (forward, and twice that for backward): 6 per weight of a product, and 6 depth
/// context width for causal attention, where a position sees half of the context on average. A multiply-add counts two.
CountByRole training_flops_per_token(const ShapeSpec& shape);

}  // namespace vernier
