#include "record/recipe.h"

namespace vernier {

std::int64_t mlp_width(const ShapeSpec& shape) { return (shape.width + 5) / 6 * 16; }

CountByRole parameters_of(const ShapeSpec& shape) {
  const auto depth = static_cast<double>(shape.depth), width = static_cast<double>(shape.width);
  const auto hidden = static_cast<double>(mlp_width(shape)), vocab = static_cast<double>(shape.vocab);
  return {.embedding = vocab * width,
          .attention = depth * 4 * width * width,
          .mlp = depth * 3 * width * hidden,
          .norm = (2 * depth + 1) * width,
          .head = vocab * width};
}

CountByRole training_flops_per_token(const ShapeSpec& shape) {
  const CountByRole parameters = parameters_of(shape);
  const double context = static_cast<double>(shape.depth * shape.context * shape.width);
  return {.embedding = 0,
          .attention = 6 * parameters.attention + 6 * context,
          .mlp = 6 * parameters.mlp,
          .norm = 6 * parameters.norm,
          .head = 6 * parameters.head};
}

}  // namespace vernier
