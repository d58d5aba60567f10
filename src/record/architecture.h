// What a transformer is made of: its choices by name, and what follows from them and a shape.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/table.h"
#include "record/run_record.h"

namespace vernier {

enum class Norm {
  Layer,  ///< mean and deviation, with gain and bias (Ba et al., arXiv 1607.06450)
  Rms,    ///< root mean square, with gain (Zhang and Sennrich, arXiv 1910.07467)
};
enum class NormPlacement {
  Pre,   ///< x + f(norm(x)), and a norm after the last block (Xiong et al., arXiv 2002.04745)
  Post,  ///< norm(x + f(x)) (Vaswani et al., arXiv 1706.03762, section 3.1)
};
enum class Positions {
  Sinusoidal,  ///< added to the embedding (Vaswani et al., section 3.5)
  Learned,     ///< likewise, one row of parameters for each position
  Rotary,      ///< queries and keys are turned by halves (Su et al., arXiv 2104.09864)
};
enum class Activation {
  Relu,
  Gelu,         ///< in its tanh form (Hendrycks and Gimpel, arXiv 1606.08415, section 2)
  SquaredRelu,  ///< (So et al., arXiv 2109.08668)
  SwiGlu,       ///< silu(gate) * up, a gated mlp (Shazeer, arXiv 2002.05202)
};
enum class Biases { None, Mlp, All };  ///< of the matrices of blocks
enum class EmbeddingScale { One, SqrtWidth };

template <class Choice>
struct ChoiceRow {
  std::string_view name;
  Choice value;
};
inline constexpr std::array kNorms{ChoiceRow<Norm>{"layer", Norm::Layer}, ChoiceRow<Norm>{"rms", Norm::Rms}};
inline constexpr std::array kNormPlacements{ChoiceRow<NormPlacement>{"pre", NormPlacement::Pre},
                                            ChoiceRow<NormPlacement>{"post", NormPlacement::Post}};
inline constexpr std::array kPositions{ChoiceRow<Positions>{"sinusoidal", Positions::Sinusoidal},
                                       ChoiceRow<Positions>{"learned", Positions::Learned},
                                       ChoiceRow<Positions>{"rotary", Positions::Rotary}};
inline constexpr std::array kActivations{ChoiceRow<Activation>{"relu", Activation::Relu},
                                         ChoiceRow<Activation>{"gelu", Activation::Gelu},
                                         ChoiceRow<Activation>{"squared-relu", Activation::SquaredRelu},
                                         ChoiceRow<Activation>{"swiglu", Activation::SwiGlu}};
inline constexpr std::array kBiases{ChoiceRow<Biases>{"none", Biases::None}, ChoiceRow<Biases>{"mlp", Biases::Mlp},
                                    ChoiceRow<Biases>{"all", Biases::All}};
inline constexpr std::array kEmbeddingScales{ChoiceRow<EmbeddingScale>{"one", EmbeddingScale::One},
                                             ChoiceRow<EmbeddingScale>{"sqrt(width)", EmbeddingScale::SqrtWidth}};
static_assert(names_differ(kNorms) && names_differ(kNormPlacements) && names_differ(kPositions) &&
              names_differ(kActivations) && names_differ(kBiases) && names_differ(kEmbeddingScales));

/// One field that is a choice: its name in a file, its value in a struct. Throws Error for an unknown name.
template <class Archive, class Table, class Choice>
void choice(Archive& a, const char* key, const Table& table, Choice& value) {
  std::string name;
  for (const auto& row : table)
    if (row.value == value) name = row.name;
  a(key, name);
  value = row_named(key, table, name).value;
}

struct Architecture {
  Norm norm = Norm::Rms;
  NormPlacement norm_placement = NormPlacement::Pre;
  Positions positions = Positions::Rotary;
  Activation activation = Activation::SwiGlu;
  bool qk_norm = false;  ///< RMS norm without gain on every head's query and key, before they are turned
  Biases biases = Biases::None;
  bool tied_head = false;  ///< the head's weights are the embedding's
  EmbeddingScale embedding_scale = EmbeddingScale::One;
  std::optional<double> logit_cap = std::nullopt;  ///< c of c tanh(x / c); absent: logits are as they are
  std::int64_t head_width = 32;                    ///< aimed at where an experiment gives no head count

  template <class Archive>
  void fields(Archive& a) {
    choice(a, "norm", kNorms, norm);
    choice(a, "norm_placement", kNormPlacements, norm_placement);
    choice(a, "positions", kPositions, positions);
    choice(a, "activation", kActivations, activation);
    a("qk_norm", qk_norm);
    choice(a, "biases", kBiases, biases);
    a("tied_head", tied_head);
    choice(a, "embedding_scale", kEmbeddingScales, embedding_scale);
    a.optional("logit_cap", logit_cap);
    a("head_width", head_width);
  }
  bool operator==(const Architecture&) const = default;

  bool is_gated() const { return activation == Activation::SwiGlu; }
  /// Whether the fused step of a CPU knows it (model/cpu/step.h): as these defaults, whatever queries and keys have.
  bool is_fused() const;
  bool has_final_norm() const { return norm_placement == NormPlacement::Pre; }
};

/// Hidden width of the mlp: four times the width; of a gated one 8/3 of it, up to a multiple of 16, which has about as
/// many weights.
std::int64_t mlp_width(const Architecture& architecture, const ShapeSpec& shape);

/// Parameters of a model by role. Biases are counted with their matrices, gains and biases of norms under norm, learned
/// positions under embedding; a head that is tied to the embedding has none of its own.
CountByRole parameters_of(const Architecture& architecture, const ShapeSpec& shape);

/// FLOPs of training on one token (forward, and twice that for backward): 6 per weight of a product, of a norm or bias,
/// and 6 depth context width for causal attention, where a position sees half of the context on average. A multiply-add
/// counts two. A tied head costs what another one does; looking up an embedding is free.
CountByRole training_flops_per_token(const Architecture& architecture, const ShapeSpec& shape);

}  // namespace vernier
