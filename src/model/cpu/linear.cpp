#include "model/cpu/linear.h"

#include <algorithm>

#include "model/cpu/kernels.h"
#include "model/cpu/scratch.h"
#include "quant/carrier.h"
#include "quant/cpu/round.h"

namespace vernier::model::cpu {

PreparedWeights::PreparedWeights(const MatrixNumbers& numbers, std::int64_t outputs, std::int64_t inputs, Room& room)
    : outputs_(outputs), inputs_(inputs), number_(numbers.weights) {
  bf16_ = quant::carrier_of_product(numbers.activations, numbers.weights, numbers.exact, true) == quant::Carrier::Bf16;
  three_parts_ = bf16_ && numbers.three_parts;
  const std::int64_t size = outputs * inputs;
  if (bf16_)
    forward_pairs_ = room.take<Bf16>(size);
  else
    forward_ = room.take<float>(size);
  if (three_parts_)
    backward_pairs_ = room.take<Bf16>(size);
  else if (number_.rounded)
    backward_room_ = room.take<float>(size);
  if (number_.rounded && number_.scale != Scale::None) {
    scales_ = room.take<float>(quant::job_for(number_, outputs, inputs).groups());
    if (quant::enters_unscaled(number_)) factors_ = room.take<float>(outputs);
  }
}

void PreparedWeights::prepare(const float* w_OI, const quant::Rounder& rounder) {
  if (!number_.rounded) {
    backward_ = w_OI;
    transpose(outputs_, inputs_, {w_OI, inputs_}, {forward_, outputs_});
    return;
  }
  quant::Job job = quant::job_for(number_, outputs_, inputs_);
  job.x = w_OI;
  job.scales = scales_;
  job.rounder = rounder;
  bf16_ ? prepare_bf16(job) : prepare_fp32(job);
}

namespace {

/// A scale for every output from one per tensor or one per output.
void spread(const quant::Job& job, float* factors) {
  for (std::int64_t o = 0; o < job.rows; ++o) factors[o] = job.scales[job.granularity == Granularity::Tensor ? 0 : o];
}

}  // namespace

void PreparedWeights::prepare_bf16(const quant::Job& asked) {
  quant::Job job = asked;
  Bf16* grid = bf16_scratch<Slot::Wide>(outputs_ * inputs_);
  job.out = grid;
  job.store = quant::Store::Bf16;
  quant::cpu::round_matrix(job);
  transpose_pairs(outputs_, inputs_, {grid, inputs_}, {forward_pairs_, outputs_});
  if (factors_ != nullptr) spread(job, factors_);
  if (three_parts_) return pair_rows(outputs_, inputs_, {grid, inputs_}, backward_pairs_);
  for (std::int64_t o = 0; o < outputs_; ++o)
    widen(grid + o * inputs_, factors_ == nullptr ? 1.0F : factors_[o], backward_room_ + o * inputs_, inputs_);
  backward_ = backward_room_;
}

void PreparedWeights::prepare_fp32(const quant::Job& asked) {
  quant::Job job = asked;
  job.out = backward_room_;
  job.store = factors_ != nullptr || job.scales == nullptr ? quant::Store::Grid : quant::Store::Value;
  quant::cpu::round_matrix(job);
  transpose(outputs_, inputs_, {backward_room_, inputs_}, {forward_, outputs_});
  backward_ = backward_room_;
  if (factors_ == nullptr) return;
  spread(job, factors_);
  for (std::int64_t o = 0; o < outputs_; ++o) scale(backward_room_ + o * inputs_, inputs_, factors_[o]);
}

void PreparedWeights::forward(const RoundedTensor& x, std::int64_t first_row, std::int64_t rows, Rows<float> y) const {
  const ProductSize size{rows, outputs_, inputs_};
  const std::int64_t first = first_row * inputs_;
  if (bf16_)
    multiply(size, {static_cast<const Bf16*>(x.values()) + first, inputs_}, {forward_pairs_, outputs_}, y);
  else
    multiply(size, {x.floats() + first, inputs_}, {forward_, outputs_}, y);
  if (x.scales() != nullptr && !x.one_scale())
    for (std::int64_t r = 0; r < rows; ++r) scale(y.at + r * y.stride, outputs_, x.scales()[first_row + r]);
  const float tensor = x.scales() != nullptr && x.one_scale() ? *x.scales() : 1.0F;
  if (factors_ == nullptr && tensor == 1.0F) return;
  float* factors = scratch<Slot::Factors>(outputs_);
  for (std::int64_t o = 0; o < outputs_; ++o) factors[o] = factors_ == nullptr ? tensor : factors_[o] * tensor;
  for (std::int64_t r = 0; r < rows; ++r) scale(y.at + r * y.stride, outputs_, factors);
}

void PreparedWeights::input_gradient(std::int64_t rows, Rows<const float> g, Rows<float> x_gradient) const {
  const ProductSize size{rows, inputs_, outputs_};
  if (!three_parts_) return multiply(size, g, {backward_, inputs_}, x_gradient);
  const std::int64_t count = rows * outputs_;
  float* scaled = scratch<Slot::Scaled>(count);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(g.at + r * g.stride, outputs_, scaled + r * outputs_);
    if (factors_ != nullptr) scale(scaled + r * outputs_, outputs_, factors_);
  }
  Bf16* room = bf16_scratch<Slot::Parts>(3 * count);
  split(scaled, count, {room, room + count, room + 2 * count});
  for (int part = 2; part >= 0; --part)  // the smallest first
    multiply(size, {room + part * count, outputs_}, {backward_pairs_, inputs_}, x_gradient, part < 2);
}

namespace {
constexpr std::int64_t kInputs = 128, kRows = 256;  ///< of a piece, and of one product in it

std::int64_t outputs_of_piece(std::int64_t outputs) { return outputs >= 512 ? 512 : 128; }
std::int64_t blocks(std::int64_t count, std::int64_t block) { return (count + block - 1) / block; }
}  // namespace

WeightGradient::WeightGradient(const RoundedTensor& x, const float* g_RO, std::int64_t rows, std::int64_t outputs,
                               std::int64_t inputs, bool three_parts, float* gradient_OI)
    : x_(&x),
      g_(g_RO),
      rows_(rows),
      outputs_(outputs),
      inputs_(inputs),
      input_blocks_(blocks(inputs, kInputs)),
      output_blocks_(blocks(outputs, outputs_of_piece(outputs))),
      three_parts_(three_parts),
      gradient_(gradient_OI) {}

/// The transpose of the gradient is formed, x^T g, as x is the narrower of both in most matrices and turned faster.
void WeightGradient::operator()(std::int64_t index) const {
  const std::int64_t wide = outputs_of_piece(outputs_), input = index / output_blocks_ * kInputs,
                     output = index % output_blocks_ * wide;
  const Piece p{input, std::min(kInputs, inputs_ - input), output, std::min(wide, outputs_ - output)};
  float* tile = scratch<Slot::Tile>(kInputs * wide);
  for (std::int64_t first = 0; first < rows_; first += kRows) {
    const std::int64_t rows = std::min(kRows, rows_ - first);
    three_parts_ ? multiply_parts(p, first, rows, tile) : multiply_fp32(p, first, rows, tile);
  }
  if (x_->scales() != nullptr && x_->one_scale()) scale(tile, p.inputs * p.outputs, *x_->scales());
  transpose(p.inputs, p.outputs, {tile, p.outputs}, {gradient_ + p.output * inputs_ + p.input, inputs_});
}

void WeightGradient::multiply_fp32(const Piece& p, std::int64_t first, std::int64_t rows, float* tile) const {
  const bool per_row = x_->scales() != nullptr && !x_->one_scale();
  float* turned = scratch<Slot::Turned>(kInputs * kRows);
  Rows<const float> x{x_->floats() + first * inputs_ + p.input, inputs_};
  if (x_->is_bf16() || per_row) {
    float* wide = scratch<Slot::Wide>(kInputs * kRows);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t at = (first + r) * inputs_ + p.input;
      const float factor = per_row ? x_->scales()[first + r] : 1.0F;
      if (x_->is_bf16()) {
        widen(static_cast<const Bf16*>(x_->values()) + at, factor, wide + r * p.inputs, p.inputs);
      } else {
        std::copy_n(x_->floats() + at, p.inputs, wide + r * p.inputs);
        scale(wide + r * p.inputs, p.inputs, factor);
      }
    }
    x = {wide, p.inputs};
  }
  transpose(rows, p.inputs, x, {turned, rows});
  multiply({p.inputs, p.outputs, rows}, {turned, rows}, {g_ + first * outputs_ + p.output, outputs_}, {tile, p.outputs},
           first > 0);
}

void WeightGradient::multiply_parts(const Piece& p, std::int64_t first, std::int64_t rows, float* tile) const {
  const bool per_row = x_->scales() != nullptr && !x_->one_scale();
  const std::int64_t count = rows * p.outputs;
  Bf16 *paired = bf16_scratch<Slot::Wide>(kInputs * kRows), *turned = bf16_scratch<Slot::Turned>(kInputs * kRows);
  pair_rows(rows, p.inputs, {static_cast<const Bf16*>(x_->values()) + first * inputs_ + p.input, inputs_}, paired);
  transpose(rows / 2, p.inputs, {reinterpret_cast<const float*>(paired), p.inputs},
            {reinterpret_cast<float*>(turned), rows / 2});
  float* g = scratch<Slot::Scaled>(count);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(g_ + (first + r) * outputs_ + p.output, p.outputs, g + r * p.outputs);
    if (per_row) scale(g + r * p.outputs, p.outputs, x_->scales()[first + r]);
  }
  Bf16 *parts = bf16_scratch<Slot::Parts>(3 * count), *pairs = bf16_scratch<Slot::SecondTile>(count);
  split(g, count, {parts, parts + count, parts + 2 * count});
  for (int part = 2; part >= 0; --part) {
    pair_rows(rows, p.outputs, {parts + part * count, p.outputs}, pairs);
    multiply({p.inputs, p.outputs, rows}, {turned, rows}, {pairs, p.outputs}, {tile, p.outputs}, first > 0 || part < 2);
  }
}

}  // namespace vernier::model::cpu
