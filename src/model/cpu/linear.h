// One matrix of one member in a step: y = round(x) round(w)^T, and its gradients.
//
// Where both operands enter their product unscaled (quant/carrier.h) the forward product runs in bf16, else in fp32.
// A gradient is not rounded; its products run in fp32, or on a processor with a matrix unit in three bf16 products of
// parts that hold all of its bits.
//
// Axes: R row (token), O output, I input.
#pragma once

#include <cstdint>

#include "model/cpu/products.h"
#include "model/cpu/rounded_tensor.h"

namespace vernier::model::cpu {

/// Rows that are computed together: a tile, which stays in cache from one operation to the next.
inline constexpr std::int64_t kTile = 128;

struct MatrixNumbers {
  Number weights, activations;
  bool exact = false;        ///< fp32 products throughout
  bool three_parts = false;  ///< gradients as three bf16
};

/// The weights of a matrix as its products want them; made anew every step.
class PreparedWeights {
 public:
  PreparedWeights() = default;
  PreparedWeights(const MatrixNumbers& numbers, std::int64_t outputs, std::int64_t inputs, Room& room);

  /// w_OI [O, I] is read by the products too, so it may change only when the step is done.
  void prepare(const float* w_OI, const quant::Rounder& rounder);

  /// y [rows, O] of some rows of x, which are rounded already.
  void forward(const RoundedTensor& x, std::int64_t first_row, std::int64_t rows, Rows<float> y) const;
  /// x_gradient [rows, I] from g [rows, O].
  void input_gradient(std::int64_t rows, Rows<const float> g, Rows<float> x_gradient) const;

  bool in_bf16() const { return bf16_; }
  bool in_parts() const { return three_parts_; }
  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }

 private:
  void prepare_bf16(const quant::Job& job);
  void prepare_fp32(const quant::Job& job);

  std::int64_t outputs_ = 0, inputs_ = 0;
  Number number_;
  bool bf16_ = false, three_parts_ = false;
  float* forward_ = nullptr;         ///< [I, O] fp32
  Bf16* forward_pairs_ = nullptr;    ///< [I / 2, O, 2]
  const float* backward_ = nullptr;  ///< [O, I] fp32, scales multiplied in
  float* backward_room_ = nullptr;
  Bf16* backward_pairs_ = nullptr;  ///< [O / 2, I, 2], of three parts
  float* scales_ = nullptr;         ///< that the quantizer found
  float* factors_ = nullptr;        ///< of the outputs, [O]; null where the products need none
};

/// The gradient of w from g_RO and x, in pieces of work that any thread may do in any order.
class WeightGradient {
 public:
  WeightGradient(const RoundedTensor& x, const float* g_RO, std::int64_t rows, std::int64_t outputs,
                 std::int64_t inputs, bool three_parts, float* gradient_OI);
  std::int64_t pieces() const { return input_blocks_ * output_blocks_; }
  void operator()(std::int64_t piece) const;

 private:
  struct Piece {
    std::int64_t input, inputs, output, outputs;
  };
  void multiply_fp32(const Piece& p, std::int64_t first, std::int64_t rows, float* tile) const;
  void multiply_parts(const Piece& p, std::int64_t first, std::int64_t rows, float* tile) const;

  const RoundedTensor* x_;
  const float* g_;
  std::int64_t rows_, outputs_, inputs_, input_blocks_, output_blocks_;
  bool three_parts_;
  float* gradient_;
};

}  // namespace vernier::model::cpu
