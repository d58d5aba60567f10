#include "record/footprint.h"

#include "record/recipe.h"

namespace vernier {

namespace {

constexpr std::int64_t kFloat = 4, kCarried = 2;  // bytes

struct BlockBytes {
  std::int64_t input, kept;  ///< of one row
};

/// What the backward pass of a block needs of one row: its input, the operands of its four products, queries and keys
/// before and after rounding and the values, the state between attention and mlp, gate and up, and the statistics of
/// norms and softmax.
BlockBytes bytes_of_block(const ShapeSpec& shape, std::int64_t operand) {
  const std::int64_t width = shape.width, hidden = mlp_width(shape);
  const std::int64_t operands = operand * (3 * width + hidden);
  const std::int64_t heads = 4 * kFloat * width, between = kFloat * width, gates = 2 * kFloat * hidden;
  const std::int64_t statistics = kFloat * (2 + 3 * shape.heads);
  return {kFloat * width, operands + heads + between + gates + statistics};
}

}  // namespace

std::int64_t step_bytes(const ShapeSpec& shape, std::int64_t batch, const NumbersSpec& numbers, bool exact,
                        bool recompute) {
  const bool carried = !exact && numbers.weights != "fp32" && numbers.activations != "fp32";
  const BlockBytes block = bytes_of_block(shape, carried ? kCarried : kFloat);
  const std::int64_t kept = recompute ? block.kept : shape.depth * block.kept;
  const std::int64_t scratch = kFloat * (6 * shape.width + 3 * mlp_width(shape)), logits = kFloat * shape.vocab;
  return batch * shape.context * (shape.depth * block.input + kept + scratch + logits);
}

}  // namespace vernier
