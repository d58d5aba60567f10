// The forward and backward pass of one member on a CPU: what model/transformer.h composes from differentiable tensors,
// in one pass over tiles that stay in cache and in memory that is allocated once.
//
// Rows (tokens) are computed in tiles, heads one by one, gradients of weights in pieces; threads share them out, and
// every sum has an order of its own, so a member's bits depend neither on the number of threads nor on its cohort.
//
// Axes: B sequence, T position, R = B T row, C channel, H head, D channel of a head, F hidden channel, V vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/cpu/attention.h"
#include "model/cpu/linear.h"
#include "model/cpu/room.h"
#include "model/layout.h"
#include "model/rounding.h"

namespace vernier::model::cpu {

struct StepAsked {
  ShapeSpec shape;
  bool qk_norm = true;
  NumbersSpec numbers;
  std::int64_t batch = 0;                ///< most sequences of a call
  bool exact = false;                    ///< fp32 carriers throughout
  bool recompute = false;                ///< a block's activations are formed again in the backward pass
  bool backward = true;                  ///< else it can only evaluate
  bool three_parts = has_matrix_unit();  ///< products of gradients in bf16 parts

  bool operator==(const StepAsked&) const = default;
};

/// Whether a member can be computed this way: its architecture is the one of Architecture's defaults, with or without
/// norm of queries and keys, and its numbers have estimator identity, nothing learned, no rotation, and neither
/// gradients nor attention operands rounded. The others go through model/transformer.h.
bool fuses(const Architecture& architecture, const NumbersSpec& numbers);

class Step {
 public:
  /// Takes its memory from `workspace`, which must outlive it and serves one Step at a time.
  Step(const StepAsked& asked, Workspace& workspace);
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  /// Bytes that a Step takes from its workspace.
  static std::size_t bytes(const StepAsked& asked);

  /// Mean loss of tokens_BT1 [batch, T + 1]; its gradient by the parameters [layout.size] is written.
  double train(const Rules& rules, const float* weights_P, const std::int64_t* tokens_BT1, float* gradient_P);

  /// Loss of every row of [sequences, T + 1] tokens, sequences <= batch.
  const float* losses(const Rules& rules, const float* weights_P, const std::int64_t* tokens_BT1,
                      std::int64_t sequences);

 private:
  enum Matrix { Qkv, Out, GateUp, Down };
  /// What the backward pass needs of a block.
  struct Block {
    std::array<PreparedWeights, 4> weights;
    std::array<RoundedTensor, 4> inputs;  ///< of the matrices
    RoundedTensor k, v;                   ///< [B H T, D]
    float *x, *middle;                    ///< the residual stream before attention and before the mlp [R, C]
    float* q;                             ///< turned [B H T, D]
    float* k_raw;                         ///< turned, not rounded; null where k holds just that
    float *q_rms, *k_rms;                 ///< inverse [R, H]
    float *rms, *middle_rms;              ///< inverse [R]
    float* log_sum;                       ///< of the attention scores [B H, T]
    float* gate_up;                       ///< [R, 2 F]
  };
  struct Names {
    std::array<std::string, 4> weights, inputs;
    std::string k, v;
  };

  explicit Step(const StepAsked& asked);  ///< without memory
  void name_tensors();
  void place(Room& room);
  Block placed_block(Room& room);
  PreparedWeights placed_weights(Room& room, std::size_t matrix) const;
  MatrixNumbers block_numbers() const;
  void place_gradients(Room& room);

  void begin(const Rules& rules, const float* weights_P, const std::int64_t* tokens_BT1, std::int64_t sequences);
  void prepare_weights();
  static void end();
  void embed();
  void forward(std::size_t block, bool whole = true);  ///< not whole: all but the output of the block
  void normalise(const float* x, std::size_t gain, float* inverse_rms, RoundedTensor& into);
  void make_heads(Block& block);
  void make_heads_of(Block& block, float* qkv, std::int64_t row, std::int64_t rows);
  void attend_all(Block& block);
  void add_product(Block& block, Matrix matrix, const float* x, float* y);
  void gate(Block& block);
  void head(float* gradient_P);
  void head_rows(std::int64_t row, std::int64_t rows, float* partial);
  std::int64_t head_tile() const;
  std::int64_t head_groups(std::int64_t rows) const;
  void head_gradient(float* gradient_P) const;

  void backward(std::size_t block, float* gradient_P);
  void backward_rows(std::size_t block, std::int64_t row, std::int64_t rows);
  void attend_all_backward(Block& block);
  void turn_back(const Block& block, std::int64_t sequence, std::int64_t head, const HeadGradients& g);
  void norm_backward(std::size_t gain, const float* y_gradient, const float* x, const float* inverse_rms,
                     const float* carried, float* x_gradient, std::int64_t row, std::int64_t rows, float* partials);
  void weight_gradients(std::size_t block, float* gradient_P);
  void gain_gradient(std::size_t gain, const float* partials, float* gradient_P) const;
  void embedding_gradient(float* gradient_P) const;

  const float* parameter(std::size_t i) const { return weights_ + layout_.parameters[i].offset; }
  float* gradient(float* gradient_P, std::size_t i) const { return gradient_P + layout_.parameters[i].offset; }
  std::size_t matrix_of(std::size_t block, std::size_t matrix) const { return 1 + 4 * block + matrix; }
  std::size_t head_matrix() const { return 1 + 4 * blocks_.size(); }
  std::size_t gain_of(std::size_t block, std::size_t which) const { return head_matrix() + 1 + 2 * block + which; }
  float* output_of(std::size_t block) { return block + 1 < blocks_.size() ? blocks_[block + 1].x : final_; }

  StepAsked asked_;
  Layout layout_;
  std::int64_t width_, hidden_, heads_, head_width_, length_, vocab_;
  const float *cosine_, *sine_;  ///< [T, D / 2]
  std::vector<Names> names_;
  std::vector<Block> blocks_;
  PreparedWeights head_;
  RoundedTensor head_input_;                                  ///< never rounded, as its number is fp32
  float *embedding_ = nullptr, *embedding_scales_ = nullptr;  ///< where it is rounded

  // Of this call.
  const Rules* rules_ = nullptr;
  const float* weights_ = nullptr;
  const std::int64_t* tokens_ = nullptr;
  std::int64_t sequences_ = 0, rows_ = 0;
  double factor_ = 0;  ///< of a row's loss in what is differentiated

  float *final_ = nullptr, *final_rms_ = nullptr;  ///< the residual stream after the last block
  float* losses_ = nullptr;                        ///< [R]
  // Before they are rounded: inputs of matrices, keys and values.
  float *narrow_ = nullptr, *middle_ = nullptr, *wide_ = nullptr, *k_raw_ = nullptr, *v_raw_ = nullptr;
  // Gradients of the residual stream after and within a block, and of the products in it.
  float *g_ = nullptr, *g_middle_ = nullptr, *g_attended_ = nullptr, *g_qkv_ = nullptr, *g_gate_up_ = nullptr;
  float *gain_partials_ = nullptr, *gain_partials_middle_ = nullptr;  ///< of every tile [tiles, C]
  float* head_partials_ = nullptr;                                    ///< of every group of rows [groups, C, V]
};

}  // namespace vernier::model::cpu
