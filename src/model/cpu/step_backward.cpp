// The head with its loss, and the backward pass.
#include <algorithm>
#include <atomic>

#include "model/cpu/kernels.h"
#include "model/cpu/scratch.h"
#include "model/cpu/step.h"
#include "model/cpu/tiles.h"

namespace vernier::model::cpu {

// ---- head: logits live in a tile only

/// Rows whose logits stay in cache.
std::int64_t Step::head_tile() const {
  constexpr std::int64_t kLogits = 1 << 16;
  return std::clamp<std::int64_t>(kLogits / vocab_ / 16 * 16, 16, 256);
}

/// Rows are summed into the gradient of the head's weights in a few groups, whatever the number of threads.
std::int64_t Step::head_groups(std::int64_t rows) const {
  constexpr std::int64_t kRowsOfGroup = 256, kMost = 16;
  return std::clamp<std::int64_t>(rows / kRowsOfGroup, 1, kMost);
}

void Step::head(float* gradient_P) {
  normalise(final_, gain_of(blocks_.size(), 0), final_rms_, head_input_);
  const std::int64_t groups = head_groups(rows_), tile = head_tile(), size = width_ * vocab_;
  const std::int64_t tiles = (rows_ + tile - 1) / tile;
  over_all(groups, [&](std::int64_t group) {
    float* partial = gradient_P == nullptr ? nullptr : head_partials_ + group * size;
    if (partial != nullptr) std::fill_n(partial, size, 0.0F);
    for (std::int64_t i = tiles * group / groups; i < tiles * (group + 1) / groups; ++i)
      head_rows(i * tile, std::min(tile, rows_ - i * tile), partial);
  });
  if (gradient_P == nullptr) return;
  head_gradient(gradient_P);
  const std::size_t gain = gain_of(blocks_.size(), 0);
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) {
    norm_backward(gain, g_ + row * width_, final_, final_rms_, nullptr, g_, row, rows, gain_partials_);
  });
  gain_gradient(gain, gain_partials_, gradient_P);
}

/// Losses of some rows; with `partial` also the gradient of the head's input, into g_, and the part of its weights'.
void Step::head_rows(std::int64_t first, std::int64_t rows, float* partial) {
  float* logits = scratch<Slot::Tile>(rows * vocab_);
  head_.forward(head_input_, first, rows, {logits, vocab_});
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t row = first + r, target = tokens_[row / length_ * (length_ + 1) + row % length_ + 1];
    losses_[row] = cross_entropy_in_place(logits + r * vocab_, vocab_, target, static_cast<float>(factor_));
  }
  if (partial == nullptr) return;
  head_.input_gradient(rows, {logits, vocab_}, {g_ + first * width_, width_});
  float* turned = scratch<Slot::Turned>(rows * width_);
  transpose(rows, width_, {head_input_.floats() + first * width_, width_}, {turned, rows});
  multiply({width_, vocab_, rows}, {turned, rows}, {logits, vocab_}, {partial, vocab_}, true);
}

void Step::head_gradient(float* gradient_P) const {
  const std::int64_t groups = head_groups(rows_), size = width_ * vocab_;
  over_all(width_, [&](std::int64_t c) {
    for (std::int64_t group = 1; group < groups; ++group)
      add(head_partials_ + group * size + c * vocab_, vocab_, head_partials_ + c * vocab_);
  });
  transpose(width_, vocab_, {head_partials_, vocab_}, {gradient(gradient_P, head_matrix()), width_});
}

// ---- blocks; g_ holds the gradient of the block's output, afterwards of its input

void Step::backward(std::size_t index, float* gradient_P) {
  Block& block = blocks_[index];
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) { backward_rows(index, row, rows); });
  attend_all_backward(block);
  weight_gradients(index, gradient_P);
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) {
    float* to_normed = scratch<Slot::Tile>(rows * width_);
    block.weights[Qkv].input_gradient(rows, {g_qkv_ + row * 3 * width_, 3 * width_}, {to_normed, width_});
    norm_backward(gain_of(index, 0), to_normed, block.x, block.rms, g_middle_, g_, row, rows, gain_partials_);
  });
  gain_gradient(gain_of(index, 0), gain_partials_, gradient_P);
  gain_gradient(gain_of(index, 1), gain_partials_middle_, gradient_P);
}

/// From the gradient of the block's output to that of the attention's output.
void Step::backward_rows(std::size_t index, std::int64_t row, std::int64_t rows) {
  Block& block = blocks_[index];
  float *to_hidden = scratch<Slot::Tile>(rows * hidden_), *to_gate_up = g_gate_up_ + row * 2 * hidden_;
  block.weights[Down].input_gradient(rows, {g_ + row * width_, width_}, {to_hidden, hidden_});
  swiglu_backward(to_hidden, block.gate_up + row * 2 * hidden_, to_gate_up, rows, hidden_);
  float* to_normed = to_hidden;
  block.weights[GateUp].input_gradient(rows, {to_gate_up, 2 * hidden_}, {to_normed, width_});
  norm_backward(gain_of(index, 1), to_normed, block.middle, block.middle_rms, g_, g_middle_, row, rows,
                gain_partials_middle_);
  block.weights[Out].input_gradient(rows, {g_middle_ + row * width_, width_}, {g_attended_ + row * width_, width_});
}

/// Of a tile; y_gradient is the tile's own, the others are whole tensors.
void Step::norm_backward(std::size_t gain, const float* y_gradient, const float* x, const float* inverse_rms,
                         const float* carried, float* x_gradient, std::int64_t row, std::int64_t rows,
                         float* partials) {
  float* partial = partials + row / kTile * width_;
  std::fill_n(partial, width_, 0.0F);
  const std::int64_t at = row * width_;
  rms_norm_backward(y_gradient, x + at, parameter(gain), inverse_rms + row, carried == nullptr ? nullptr : carried + at,
                    x_gradient + at, partial, rows, width_);
}

void Step::gain_gradient(std::size_t gain, const float* partials, float* gradient_P) const {
  float* sum = gradient(gradient_P, gain);
  std::copy_n(partials, width_, sum);
  for (std::int64_t tile = 1; tile < tiles_of(rows_); ++tile) add(partials + tile * width_, width_, sum);
}

void Step::attend_all_backward(Block& block) {
  over_all(sequences_ * heads_, [&](std::int64_t i) {
    const std::int64_t sequence = i / heads_, head = i % heads_, size = length_ * head_width_;
    float* room = scratch<Slot::Gradients>(3 * size);
    const HeadGradients g{room, room + size, room + 2 * size};
    attend_backward({block.q + i * size, block.k.floats() + i * size, block.v.floats() + i * size},
                    {length_, head_width_}, {g_attended_ + sequence * length_ * width_ + head * head_width_, width_},
                    block.log_sum + i * length_, g);
    turn_back(block, sequence, head, g);
  });
}

/// Gradients of one head's turned queries and keys, and of its values, to those of the product that made them.
void Step::turn_back(const Block& block, std::int64_t sequence, std::int64_t head, const HeadGradients& g) {
  const float* k_raw = block.k_raw != nullptr ? block.k_raw : block.k.floats();
  const std::int64_t first = (sequence * heads_ + head) * length_ * head_width_, half = head_width_ / 2;
  for (std::int64_t t = 0; t < length_; ++t) {
    const std::int64_t row = sequence * length_ + t, at = t * head_width_;
    float* to = g_qkv_ + row * 3 * width_ + head * head_width_;
    const auto back = [&](const float* gradient, const float* y, const float* rms, float* x_gradient) {
      turn_head_back(gradient + at, y + first + at, head_width_, cosine_ + t * half, sine_ + t * half,
                     asked_.qk_norm ? rms + row * heads_ + head : nullptr, x_gradient);
    };
    back(g.q, block.q, block.q_rms, to);
    back(g.k, k_raw, block.k_rms, to + width_);
    std::copy_n(g.v + at, head_width_, to + 2 * width_);
  }
}

void Step::weight_gradients(std::size_t index, float* gradient_P) {
  Block& block = blocks_[index];
  const std::array<const float*, 4> gradients{g_qkv_, g_middle_, g_gate_up_, g_};
  const auto of = [&](std::size_t i) {
    const PreparedWeights& w = block.weights[i];
    return WeightGradient(block.inputs[i], gradients[i], rows_, w.outputs(), w.inputs(), w.in_parts(),
                          gradient(gradient_P, matrix_of(index, i)));
  };
  const std::array all{of(GateUp), of(Down), of(Qkv), of(Out)};  // the longest first
  std::int64_t pieces = 0;
  for (const WeightGradient& one : all) pieces += one.pieces();
  std::atomic<std::int64_t> next = 0;
  over_all(std::min<std::int64_t>(pieces, at::get_num_threads()), [&](std::int64_t) {
    for (std::int64_t i = next++; i < pieces; i = next++) {
      std::int64_t piece = i;
      std::size_t matrix = 0;
      while (piece >= all[matrix].pieces()) piece -= all[matrix++].pieces();
      all[matrix](piece);
    }
  });
}

void Step::embedding_gradient(float* gradient_P) const {
  float* table = gradient(gradient_P, 0);
  constexpr std::int64_t kChannels = 16;  // of a piece: rows are added in their order
  over_all((width_ + kChannels - 1) / kChannels, [&](std::int64_t piece) {
    const std::int64_t first = piece * kChannels, channels = std::min(kChannels, width_ - first);
    for (std::int64_t v = 0; v < vocab_; ++v) std::fill_n(table + v * width_ + first, channels, 0.0F);
    for (std::int64_t row = 0; row < rows_; ++row) {
      const std::int64_t token = tokens_[row / length_ * (length_ + 1) + row % length_];
      add(g_ + row * width_ + first, channels, table + token * width_ + first);
    }
  });
}

}  // namespace vernier::model::cpu
