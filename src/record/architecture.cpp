#include "record/architecture.h"

namespace vernier {

bool Architecture::is_fused() const {
  Architecture fused;
  fused.qk_norm = qk_norm;
  fused.head_width = head_width;
  return *this == fused;
}

std::int64_t mlp_width(const Architecture& architecture, const ShapeSpec& shape) {
  return architecture.is_gated() ? (shape.width + 5) / 6 * 16 : 4 * shape.width;
}

namespace {

/// Of one block.
double attention_biases(const Architecture& architecture, double width) {
  return architecture.biases == Biases::All ? 4 * width : 0;
}

double mlp_biases(const Architecture& architecture, double width, double hidden) {
  if (architecture.biases == Biases::None) return 0;
  return (architecture.is_gated() ? 2 : 1) * hidden + width;
}

}  // namespace

CountByRole parameters_of(const Architecture& architecture, const ShapeSpec& shape) {
  const auto depth = static_cast<double>(shape.depth), width = static_cast<double>(shape.width);
  const auto hidden = static_cast<double>(mlp_width(architecture, shape)), vocab = static_cast<double>(shape.vocab);
  const double positions = architecture.positions == Positions::Learned ? static_cast<double>(shape.context) : 0;
  const double matrices = architecture.is_gated() ? 3 : 2, vectors = architecture.norm == Norm::Layer ? 2 : 1;
  return {.embedding = (vocab + positions) * width,
          .attention = depth * (4 * width * width + attention_biases(architecture, width)),
          .mlp = depth * (matrices * width * hidden + mlp_biases(architecture, width, hidden)),
          .norm = (2 * depth + architecture.has_final_norm()) * vectors * width,
          .head = architecture.tied_head ? 0 : vocab * width};
}

CountByRole training_flops_per_token(const Architecture& architecture, const ShapeSpec& shape) {
  const CountByRole parameters = parameters_of(architecture, shape);
  const double context = static_cast<double>(shape.depth * shape.context * shape.width);
  return {.embedding = 0,
          .attention = 6 * parameters.attention + 6 * context,
          .mlp = 6 * parameters.mlp,
          .norm = 6 * parameters.norm,
          .head = 6 * static_cast<double>(shape.vocab * shape.width)};
}

}  // namespace vernier
