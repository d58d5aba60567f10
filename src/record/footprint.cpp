#include "record/footprint.h"

#include <algorithm>

#include "format/number.h"

namespace vernier {

namespace {

constexpr std::int64_t kFloat = 4, kBf16 = 2;  // bytes

/// Whether both operands of a block's products are kept as two bytes: the rule of quant/carrier.h for a CPU.
bool is_carried(const NumbersSpec& numbers, bool exact) {
  constexpr int kSignificandBits = 8;
  const auto fits = [](const Number& n) {
    const bool unscaled = n.scale == Scale::None || n.granularity != Granularity::Block;
    return n.rounded && unscaled && n.format.significand_bits <= kSignificandBits;
  };
  return !exact && fits(parse_number(numbers.weights)) && fits(parse_number(numbers.activations));
}

struct Widths {
  std::int64_t channels, hidden, heads;
  bool gated;

  std::int64_t up() const { return gated ? 2 * hidden : hidden; }
};

/// What the backward pass needs of one row of a block beside its input: operands of the four products, queries, keys
/// (before rounding too) and values, the stream between attention and mlp, gate and up, statistics.
std::int64_t kept_of_row(const Widths& w, std::int64_t operand, bool kv_rounded) {
  const std::int64_t heads = (3 + kv_rounded) * w.channels, statistics = 2 + 3 * w.heads;
  return operand * (3 * w.channels + w.hidden) + kFloat * (heads + w.channels + 2 * w.hidden + statistics);
}

/// What is needed of one row in one block at a time: unrounded operands, the last state of the stream, gradients.
std::int64_t passing_of_row(const Widths& w) {
  const std::int64_t forward = 6 * w.channels + w.hidden + 2, backward = 6 * w.channels + 2 * w.hidden;
  return kFloat * (forward + backward);
}

/// A matrix as its products want it, for one parameter: turned, and with its scales multiplied in.
std::int64_t prepared(bool rounded, bool carried) { return carried ? kBf16 + kFloat : rounded ? 2 * kFloat : kFloat; }

/// Of the head's weights: the gradient of a few groups of rows.
std::int64_t head_bytes(const ShapeSpec& shape, std::int64_t rows, const NumbersSpec& numbers) {
  constexpr std::int64_t kRowsOfGroup = 256, kGroups = 16;
  const std::int64_t size = shape.vocab * shape.width,
                     groups = std::clamp<std::int64_t>(rows / kRowsOfGroup, 1, kGroups);
  return size * (kFloat * groups + prepared(parse_number(numbers.head).rounded, false));
}

/// Whether autograd keeps what the activation saw or gave beside the operand that it became.
bool keeps_activation(const Architecture& architecture, bool carried) {
  return architecture.activation != Activation::Relu || carried;
}

/// What autograd keeps of one row of a block where no fused step does (model/transformer.h): what both norms saw,
/// queries, keys and values (before they were turned too), the mlp between its matrices, operands of the products,
/// statistics; where attention is rounded, its scores, probabilities and what they were rounded to.
std::int64_t composed_row(const Architecture& architecture, const ShapeSpec& shape, const Widths& w, bool carried,
                          bool scores) {
  const std::int64_t heads = (architecture.positions == Positions::Rotary ? 6 : 3) * w.channels;
  const std::int64_t activation = keeps_activation(architecture, carried) ? w.up() : 0;
  const std::int64_t attention = scores ? 4 * shape.heads * shape.context : 0;
  return kFloat * (2 * w.channels + heads + activation + attention + w.heads) +
         (carried ? kBf16 : kFloat) * (3 * w.channels + w.hidden);
}

/// With nothing computed twice; the logits, and their gradient, are there as a whole, and again where they are capped.
std::int64_t composed_bytes(const Architecture& architecture, const ShapeSpec& shape, std::int64_t rows,
                            const NumbersSpec& numbers, bool carried) {
  const Widths w{shape.width, mlp_width(architecture, shape), shape.heads, architecture.is_gated()};
  const bool scores = parse_number(numbers.attention).rounded;
  const std::int64_t of_row = composed_row(architecture, shape, w, carried, scores);
  const std::int64_t logits = (architecture.logit_cap ? 4 : 2) * shape.vocab, passing = w.up() + 2 * w.channels;
  const std::int64_t matrices = shape.depth * w.channels * (4 * w.channels + w.up() + w.hidden);
  return rows * (shape.depth * of_row + kFloat * (logits + passing)) +
         matrices * (carried                                 ? kBf16
                     : parse_number(numbers.weights).rounded ? kFloat
                                                             : 0) +
         kFloat * shape.vocab * shape.width;
}

}  // namespace

std::int64_t step_bytes(const Architecture& architecture, const ShapeSpec& shape, std::int64_t batch,
                        const NumbersSpec& numbers, bool exact, bool recompute) {
  const std::int64_t rows = batch * shape.context, blocks = recompute ? 1 : shape.depth;
  const bool carried = is_carried(numbers, exact);
  if (!architecture.is_fused()) return composed_bytes(architecture, shape, rows, numbers, carried);
  const Widths widths{shape.width, mlp_width(architecture, shape), shape.heads, true};
  const std::int64_t kept = kept_of_row(widths, carried ? kBf16 : kFloat, parse_number(numbers.kv).rounded);
  const std::int64_t matrices = shape.depth * widths.channels * (4 * widths.channels + 3 * widths.hidden);
  return rows * (blocks * kept + shape.depth * kFloat * widths.channels + passing_of_row(widths)) +
         matrices * prepared(parse_number(numbers.weights).rounded, carried) + head_bytes(shape, rows, numbers);
}

}  // namespace vernier
