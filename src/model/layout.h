// Where every parameter of a model lies in its member's flat storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/architecture.h"

namespace vernier::model {

/// Of the matrices, and of the vectors: the biases of matrices, gains and biases of norms, logarithms of learned
/// scales.
enum class Role { Embedding, Attention, Mlp, Head, AttentionBias, MlpBias, Norm, Scale };
constexpr bool is_vector(Role role) { return role >= Role::AttentionBias; }

struct Parameter {
  std::string name;  ///< as in checkpoints, "blocks.0.attention.qkv" for example
  Role role;
  std::int64_t rows, columns;  ///< outputs and inputs of a matrix; a vector is one row
  std::int64_t offset;         ///< in floats, from the start of the member's storage

  std::int64_t size() const { return rows * columns; }
};

/// One member's parameters in order: matrices first, which decay, then gains, biases and the logarithms of learned
/// scales, which do not. A tied head has no matrix of its own, its weights are those of "embedding".
struct Layout {
  std::vector<Parameter> parameters;
  std::int64_t size = 0;     ///< floats of one member
  std::int64_t decayed = 0;  ///< floats of its matrices
};

/// Learned scales are there for the parts whose number has the scale lsq: "<matrix>.weight_scale" with one for each
/// group of the matrix, "<matrix>.input_scale", "blocks.0.attention.key_scale" and the like with a single one.
Layout layout_of(const Architecture& architecture, const ShapeSpec& shape, const NumbersSpec& numbers = {});

/// Whether members of these layouts can be stacked.
bool same_storage(const Layout& a, const Layout& b);

/// Index of a parameter by its name; absent where there is none.
std::optional<std::size_t> find(const Layout& layout, std::string_view name);

/// Index of a parameter by its name; the name must exist.
std::size_t index_of(const Layout& layout, std::string_view name);

/// Sizes summed by role, to be checked against record/architecture.h; learned scales are counted under none.
CountByRole count(const Layout& layout);

}  // namespace vernier::model
