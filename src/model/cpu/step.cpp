#include "model/cpu/step.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/cpu/angles.h"
#include "model/cpu/kernels.h"
#include "model/cpu/scratch.h"
#include "model/cpu/tiles.h"
#include "quant/carrier.h"
#include "quant/cpu/round.h"

namespace vernier::model::cpu {

namespace {

bool plain(const std::string& number) { return !parse_number(number).rounded; }

bool learns(const std::string& number) { return parse_number(number).scale == Scale::Lsq; }

/// What rounding leaves of a tensor that is used as it is, scales multiplied in.
quant::Store value_store(const Number& number) {
  return number.scale == Scale::None ? quant::Store::Grid : quant::Store::Value;
}

quant::Store store_of_input(const MatrixNumbers& numbers, bool bf16) {
  if (bf16) return quant::Store::Bf16;
  return quant::enters_unscaled(numbers.activations) ? quant::Store::Grid : value_store(numbers.activations);
}

std::array<std::pair<std::int64_t, std::int64_t>, 4> sizes_of(std::int64_t width, std::int64_t hidden) {
  return {{{3 * width, width}, {width, width}, {2 * hidden, width}, {width, hidden}}};
}

}  // namespace

bool fuses(const Architecture& architecture, const NumbersSpec& n) {
  if (!architecture.is_fused()) return false;
  const bool backward = plain(n.gradients) && plain(n.input_gradients.value_or(n.gradients)) &&
                        plain(n.weight_gradients.value_or(n.gradients));
  const bool learned =
      learns(n.weights) || learns(n.activations) || learns(n.kv) || learns(n.embedding) || learns(n.head);
  return n.estimator == "identity" && n.rotation.value_or("none") == "none" && backward && plain(n.attention) &&
         !learned;
}

Step::Step(const StepAsked& asked)
    : asked_(asked),
      layout_(layout_of({}, asked.shape)),
      width_(asked.shape.width),
      hidden_(mlp_width({}, asked.shape)),
      heads_(asked.shape.heads),
      head_width_(width_ / heads_),
      length_(asked.shape.context),
      vocab_(asked.shape.vocab) {
  const auto [cosine, sine] = angles(length_, head_width_ / 2);  // which their table keeps for ever
  cosine_ = cosine.const_data_ptr<float>();
  sine_ = sine.const_data_ptr<float>();
  asked_.exact = asked.exact || !has_bf16_products();
  asked_.three_parts = asked.three_parts && asked.batch * length_ % 2 == 0;
  blocks_.resize(static_cast<std::size_t>(asked.shape.depth));
  name_tensors();
}

Step::Step(const StepAsked& asked, Workspace& workspace) : Step(asked) {
  Room room(workspace.at_least(bytes(asked)));
  place(room);
}

std::size_t Step::bytes(const StepAsked& asked) {
  Step step(asked);
  Room counting;
  step.place(counting);
  return counting.used();
}

void Step::name_tensors() {
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    Names names{{}, {}, fmt::format("blocks.{}.attention.key", b), fmt::format("blocks.{}.attention.value", b)};
    for (std::size_t i = 0; i < 4; ++i) {
      const std::string& matrix = layout_.parameters[matrix_of(b, i)].name;
      names.weights[i] = matrix + ".weights";
      names.inputs[i] = matrix + ".inputs";
    }
    names_.push_back(names);
  }
}

MatrixNumbers Step::block_numbers() const {
  return {parse_number(asked_.numbers.weights), parse_number(asked_.numbers.activations), asked_.exact,
          asked_.three_parts};
}

PreparedWeights Step::placed_weights(Room& room, std::size_t matrix) const {
  const auto [outputs, inputs] = sizes_of(width_, hidden_)[matrix];
  return {block_numbers(), outputs, inputs, room};
}

Step::Block Step::placed_block(Room& room) {
  const std::int64_t rows = asked_.batch * length_;
  const MatrixNumbers numbers = block_numbers();
  const Number kv = parse_number(asked_.numbers.kv);
  Block block;
  const std::array sources{narrow_, narrow_, middle_, wide_};
  for (std::size_t i = 0; i < 4; ++i) {
    block.weights[i] = placed_weights(room, i);
    block.inputs[i] = {
        numbers.activations, rows, block.weights[i].inputs(), store_of_input(numbers, block.weights[i].in_bf16()),
        sources[i],          room};
  }
  block.k_raw = kv.rounded && asked_.backward ? room.take<float>(rows * width_) : nullptr;
  float* k_source = block.k_raw != nullptr ? block.k_raw : k_raw_;
  block.k = {kv, rows * heads_, head_width_, value_store(kv), k_source, room};
  block.v = {kv, rows * heads_, head_width_, value_store(kv), v_raw_, room};
  block.middle = room.take<float>(rows * width_);
  block.q = room.take<float>(rows * width_);
  block.q_rms = room.take<float>(rows * heads_);
  block.k_rms = room.take<float>(rows * heads_);
  block.rms = room.take<float>(rows);
  block.middle_rms = room.take<float>(rows);
  block.log_sum = room.take<float>(rows * heads_);
  block.gate_up = room.take<float>(rows * 2 * hidden_);
  return block;
}

void Step::place(Room& room) {
  const std::int64_t rows = asked_.batch * length_;
  narrow_ = room.take<float>(rows * width_);
  middle_ = room.take<float>(rows * width_);
  wide_ = room.take<float>(rows * hidden_);
  k_raw_ = room.take<float>(rows * width_);
  v_raw_ = room.take<float>(rows * width_);
  final_ = room.take<float>(rows * width_);
  final_rms_ = room.take<float>(rows);
  losses_ = room.take<float>(rows);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const bool own = b == 0 || (asked_.backward && !asked_.recompute);
    Block block = own ? placed_block(room) : blocks_[0];
    for (std::size_t i = 0; i < 4 && !own; ++i) block.weights[i] = placed_weights(room, i);
    block.x = b == 0 || asked_.backward ? room.take<float>(rows * width_) : blocks_[0].x;
    blocks_[b] = block;
  }
  const Number plain = parse_number("fp32"), embedding = parse_number(asked_.numbers.embedding);
  head_ = {{parse_number(asked_.numbers.head), plain, true, false}, vocab_, width_, room};
  head_input_ = {plain, rows, width_, quant::Store::Grid, nullptr, room};
  if (embedding.rounded) {
    embedding_ = room.take<float>(vocab_ * width_);
    embedding_scales_ = room.take<float>(quant::job_for(embedding, vocab_, width_).groups());
  }
  if (asked_.backward) place_gradients(room);
}

void Step::place_gradients(Room& room) {
  const std::int64_t rows = asked_.batch * length_;
  g_ = room.take<float>(rows * width_);
  g_middle_ = room.take<float>(rows * width_);
  g_attended_ = room.take<float>(rows * width_);
  g_qkv_ = room.take<float>(rows * 3 * width_);
  g_gate_up_ = room.take<float>(rows * 2 * hidden_);
  gain_partials_ = room.take<float>(tiles_of(rows) * width_);
  gain_partials_middle_ = room.take<float>(tiles_of(rows) * width_);
  head_partials_ = room.take<float>(head_groups(rows) * width_ * vocab_);
}

// ---- the step

void Step::begin(const Rules& rules, const float* weights_P, const std::int64_t* tokens_BT1, std::int64_t sequences) {
  rules_ = &rules;
  weights_ = weights_P;
  tokens_ = tokens_BT1;
  sequences_ = sequences;
  rows_ = sequences * length_;
}

double Step::train(const Rules& rules, const float* weights_P, const std::int64_t* tokens_BT1, float* gradient_P) {
  begin(rules, weights_P, tokens_BT1, asked_.batch);
  factor_ = 1 / static_cast<double>(rows_);
  prepare_weights();
  embed();
  for (std::size_t b = 0; b < blocks_.size(); ++b) forward(b);
  head(gradient_P);
  for (std::size_t b = blocks_.size(); b-- > 0;) {
    if (asked_.recompute && b + 1 < blocks_.size()) forward(b, false);
    backward(b, gradient_P);
  }
  embedding_gradient(gradient_P);
  end();
  double sum = 0;
  for (std::int64_t r = 0; r < rows_; ++r) sum += static_cast<double>(losses_[r]);
  return sum * factor_;
}

const float* Step::losses(const Rules& rules, const float* weights_P, const std::int64_t* tokens_BT1,
                          std::int64_t sequences) {
  begin(rules, weights_P, tokens_BT1, sequences);
  prepare_weights();
  embed();
  for (std::size_t b = 0; b < blocks_.size(); ++b) forward(b);
  head(nullptr);
  end();
  return losses_;
}

void Step::end() {
  over_all(at::get_num_threads(), [](std::int64_t) { release_matrix_unit(); });
}

void Step::prepare_weights() {
  const auto count = static_cast<std::int64_t>(head_matrix());
  over_all(count, [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    if (i + 1 == head_matrix())
      return head_.prepare(parameter(head_matrix()), how_forward(*rules_, "head.weights").rounder);
    const std::size_t b = i / 4, matrix = i % 4;
    blocks_[b].weights[matrix].prepare(parameter(matrix_of(b, matrix)),
                                       how_forward(*rules_, names_[b].weights[matrix]).rounder);
  });
}

void Step::embed() {
  const float* table = parameter(0);
  if (embedding_ != nullptr) {
    const Number number = parse_number(asked_.numbers.embedding);
    quant::Job job = quant::job_for(number, vocab_, width_);
    job.x = table;
    job.out = embedding_;
    job.scales = number.scale == Scale::None ? nullptr : embedding_scales_;
    job.store = value_store(number);
    job.rounder = how_forward(*rules_, "embedding").rounder;
    quant::cpu::round_matrix(job);
    table = embedding_;
  }
  over_all(sequences_, [&](std::int64_t s) {
    for (std::int64_t t = 0; t < length_; ++t)
      std::copy_n(table + tokens_[s * (length_ + 1) + t] * width_, width_, blocks_[0].x + (s * length_ + t) * width_);
  });
}

void Step::forward(std::size_t index, bool whole) {
  Block& block = blocks_[index];
  for (std::size_t i = 0; i < 4; ++i)
    block.inputs[i].begin(how_forward(*rules_, names_[index].inputs[i]).rounder, rows_);
  block.k.begin(how_forward(*rules_, names_[index].k).rounder, rows_ * heads_);
  block.v.begin(how_forward(*rules_, names_[index].v).rounder, rows_ * heads_);
  normalise(block.x, gain_of(index, 0), block.rms, block.inputs[Qkv]);
  make_heads(block);
  attend_all(block);
  add_product(block, Out, block.x, block.middle);
  normalise(block.middle, gain_of(index, 1), block.middle_rms, block.inputs[GateUp]);
  gate(block);
  if (whole) return add_product(block, Down, block.middle, output_of(index));
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) { block.inputs[Down].round(row, rows); });
}

void Step::normalise(const float* x, std::size_t gain, float* inverse_rms, RoundedTensor& into) {
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) {
    float* y = into.source() + row * width_;
    rms_norm_forward(x + row * width_, parameter(gain), y, inverse_rms + row, rows, width_);
    into.note(y, rows * width_);
  });
  into.settle();
}

void Step::make_heads(Block& block) {
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) {
    block.inputs[Qkv].round(row, rows);
    float* qkv = scratch<Slot::Tile>(rows * 3 * width_);
    block.weights[Qkv].forward(block.inputs[Qkv], row, rows, {qkv, 3 * width_});
    make_heads_of(block, qkv, row, rows);
  });
  block.k.settle();
  block.v.settle();
}

/// Normalises and turns queries and keys of a tile [rows, 3, H, D], and sorts all by heads.
void Step::make_heads_of(Block& block, float* qkv, std::int64_t first, std::int64_t rows) {
  for (std::int64_t row = first; row < first + rows; ++row, qkv += 3 * width_) {
    const std::int64_t sequence = row / length_, t = row % length_, half = head_width_ / 2;
    float *q = qkv, *k = q + width_, *v = k + width_;
    const auto turn = [&](float* x, float* rms) {
      turn_heads(x, heads_, head_width_, cosine_ + t * half, sine_ + t * half,
                 asked_.qk_norm ? rms + row * heads_ : nullptr);
    };
    turn(q, block.q_rms);
    turn(k, block.k_rms);
    block.k.note(k, width_);
    block.v.note(v, width_);
    for (std::int64_t h = 0; h < heads_; ++h) {
      const std::int64_t to = ((sequence * heads_ + h) * length_ + t) * head_width_;
      const auto sort = [&](const float* x, float* y) { std::copy_n(x + h * head_width_, head_width_, y + to); };
      sort(q, block.q);
      sort(k, block.k.source());
      sort(v, block.v.source());
    }
  }
}

void Step::attend_all(Block& block) {
  RoundedTensor& into = block.inputs[Out];
  over_all(sequences_ * heads_, [&](std::int64_t i) {
    const std::int64_t sequence = i / heads_, head = i % heads_, size = length_ * head_width_;
    block.k.round(i * length_, length_);
    block.v.round(i * length_, length_);
    float* y = into.source() + sequence * length_ * width_ + head * head_width_;
    attend({block.q + i * size, block.k.floats() + i * size, block.v.floats() + i * size}, {length_, head_width_},
           {y, width_}, block.log_sum + i * length_);
    for (std::int64_t t = 0; t < length_; ++t) into.note(y + t * width_, head_width_);
  });
  into.settle();
}

/// y = x + product of the matrix's input.
void Step::add_product(Block& block, Matrix matrix, const float* x, float* y) {
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) {
    block.inputs[matrix].round(row, rows);
    block.weights[matrix].forward(block.inputs[matrix], row, rows, {y + row * width_, width_});
    add(x + row * width_, rows * width_, y + row * width_);
  });
}

void Step::gate(Block& block) {
  RoundedTensor &input = block.inputs[GateUp], &into = block.inputs[Down];
  over_tiles(rows_, [&](std::int64_t row, std::int64_t rows) {
    input.round(row, rows);
    float *gate_up = block.gate_up + row * 2 * hidden_, *y = into.source() + row * hidden_;
    block.weights[GateUp].forward(input, row, rows, {gate_up, 2 * hidden_});
    swiglu_forward(gate_up, y, rows, hidden_);
    into.note(y, rows * hidden_);
  });
  into.settle();
}

}  // namespace vernier::model::cpu
