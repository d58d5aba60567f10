// Where every parameter of a model lies in its member's flat storage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record/recipe.h"

namespace vernier::model {

enum class Role { Embedding, Attention, Mlp, Norm, Head };

struct Parameter {
  std::string name;  ///< as in checkpoints, "blocks.0.attention.qkv" for example
  Role role;
  std::int64_t rows, columns;  ///< outputs and inputs of a matrix; a gain is one row
  std::int64_t offset;         ///< in floats, from the start of the member's storage

  std::int64_t size() const { return rows * columns; }
};

/// One member's parameters in order: matrices first, which decay, then the gains of the norms, which do not.
struct Layout {
  std::vector<Parameter> parameters;
  std::int64_t size = 0;     ///< floats of one member
  std::int64_t decayed = 0;  ///< floats of its matrices
};

Layout layout_of(const ShapeSpec& shape);

/// Index of a parameter by its name; the name must exist.
std::size_t index_of(const Layout& layout, std::string_view name);

/// Sizes summed by role, to be checked against record/recipe.h.
CountByRole count(const Layout& layout);

}  // namespace vernier::model
