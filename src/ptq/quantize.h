// A trained model quantized matrix by matrix: the blocks in order, in a block the matrices in order of use, each from
// inputs that went through everything quantized before it.
//
// Axes: S sequence, T position, P parameter of a member's flat storage.
#pragma once

#include <vector>

#include "ptq/gptq.h"
#include "record/post_training.h"
#include "train/checkpoint.h"

namespace vernier::ptq {

/// Tokens that go through the model to see what its matrices are fed with.
struct Calibration {
  at::Tensor tokens_ST;    ///< int64
  std::int64_t batch = 1;  ///< sequences of one forward pass, which share the scale of a number per tensor
};

struct Options {
  PtqMethod method = PtqMethod::Rtn;
  Number weights;
  GptqOptions gptq;
};

/// What became of one matrix.
struct LayerReport {
  std::string name;
  double error = 0;      ///< of the layer's output: mean over tokens, sum over outputs, of the squared difference
  double error_rtn = 0;  ///< the same had it been rounded to nearest
  std::optional<double> damping;  ///< this and the following as in QuantizedLayer
  std::optional<std::int64_t> rows_rtn;
  std::optional<double> exponent;
};

struct QuantizedModel {
  train::CheckpointConfig config;  ///< the model's, its weights not rounded any more: they lie on the grid already
  at::Tensor weights_P;
  std::vector<LayerReport> layers;
  double bits_per_weight = 0;  ///< of the quantized matrices, scales included
};

/// Quantizes the matrices of the blocks; the embedding, the head and the norms stay as they are. It starts from the raw
/// weights: the rounding that the weights were trained with is replaced, everything else keeps the number it was
/// trained with, also while calibrating. `checkpoint` is not changed. The result does not depend on `threads`.
///
/// throws  Failure with the layer's name, see gptq
QuantizedModel quantized_model(const train::Checkpoint& checkpoint, const Calibration& calibration,
                               const Options& options, int threads);

}  // namespace vernier::ptq
