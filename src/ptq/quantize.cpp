#include "ptq/quantize.h"

#include <torch/torch.h>

#include <array>

#include "format/stored_bits.h"
#include "ptq/awq.h"
#include "quant/quantize.h"
#include "train/on_threads.h"

namespace vernier::ptq {

namespace {

/// Batches of calibration sequences are spread over so many lanes, which threads share out: a lane's batches come one
/// after the other, and lanes are summed in order, so that no result depends on the number of threads.
constexpr std::size_t kLanes = 8;

QuantizedLayer by_method(const Layer& layer, const Options& options) {
  switch (options.method) {
    case PtqMethod::Gptq:
      return gptq(layer, options.weights, options.gptq);
    case PtqMethod::Awq:
      return awq(layer, options.weights);
    default:
      return rounded_to_nearest(layer, options.weights);
  }
}

std::vector<std::size_t> matrices_of(const model::Layout& layout, std::int64_t block) {
  std::vector<std::size_t> matrices;
  for (std::size_t i = 0; i < layout.parameters.size(); ++i) {
    const model::Parameter& p = layout.parameters[i];
    const bool in_block = p.role == model::Role::Attention || p.role == model::Role::Mlp;
    if (in_block && p.name.starts_with(fmt::format("blocks.{}.", block))) matrices.push_back(i);
  }
  return matrices;
}

/// The model of raw weights in a storage of its own, whose matrices are replaced one by one.
class Sequence {
 public:
  Sequence(const train::Checkpoint& checkpoint, const Calibration& calibration, const Options& options, int threads)
      : options_(options),
        threads_(threads),
        weights_P_(train::weights_of(checkpoint, raw(checkpoint.config).numbers)),
        model_(train::checkpoint_of(raw(checkpoint.config), weights_P_)) {
    for (const at::Tensor& batch_BT : calibration.tokens_ST.to(weights_P_.device()).split(calibration.batch)) {
      x_KRC_.push_back(model::embed(model_.cohort, batch_BT));
      sequences_.push_back(batch_BT.size(0));
    }
  }

  QuantizedModel operator()() {
    QuantizedModel result{model_.config, weights_P_, {}, 0};
    double weights = 0, bits = 0;
    for (std::int64_t block = 0; block < model_.config.shape.depth; ++block) {
      for (const std::size_t matrix : matrices_of(model_.cohort.layout, block)) {
        result.layers.push_back(replace(matrix, static_cast<std::size_t>(block)));
        const model::Parameter& p = model_.cohort.layout.parameters[matrix];
        weights += static_cast<double>(p.size());
        bits += stored_bits(options_.weights, p.rows, p.columns);
        if (options_.method == PtqMethod::Awq) bits += 32.0 * static_cast<double>(p.columns);  // its scales of inputs
      }
      in_lanes([&](std::size_t, std::size_t i) { x_KRC_[i] = passed(i, static_cast<std::size_t>(block), {}); });
    }
    result.bits_per_weight = bits / weights;
    return result;
  }

 private:
  static train::CheckpointConfig raw(train::CheckpointConfig config) {
    config.numbers.weights = "fp32";
    return config;
  }

  /// The i-th batch through the block as it now stands.
  at::Tensor passed(std::size_t i, std::size_t block, const model::Observer& observe) const {
    return model::through_block(model_.cohort, x_KRC_[i], sequences_[i], block, observe);
  }

  /// work(lane, batch) for every batch.
  void in_lanes(const std::function<void(std::size_t, std::size_t)>& work) const {
    train::on_threads(weights_P_.is_cpu() ? threads_ : 1, std::min(kLanes, x_KRC_.size()), [&](std::size_t lane) {
      const at::NoGradGuard no_gradients;
      for (std::size_t i = lane; i < x_KRC_.size(); i += kLanes) work(lane, i);
    });
  }

  /// The inputs of a matrix as its product sees them: rounded where activations are.
  Inputs inputs_of(std::size_t matrix, std::size_t block) const {
    std::array<Inputs, kLanes> lanes;
    in_lanes([&](std::size_t lane, std::size_t i) {
      passed(i, block, [&](std::size_t parameter, const at::Tensor& input_KRI) {
        if (parameter == matrix) merge(lanes[lane], moments_of(model::seen_input(model_.cohort, matrix, input_KRI[0])));
      });
    });
    Inputs all;
    for (const Inputs& lane : lanes) merge(all, lane);
    return all;
  }

  LayerReport replace(std::size_t matrix, std::size_t block) {
    at::Tensor w_OI = model_.cohort.parameters[matrix][0];
    const Layer layer{model_.cohort.layout.parameters[matrix].name, w_OI.clone(), inputs_of(matrix, block)};
    const QuantizedLayer found = by_method(layer, options_);
    w_OI.copy_(found.w_OI);
    return {layer.name,    found.error,    rounded_to_nearest(layer, options_.weights).error,
            found.damping, found.rows_rtn, found.exponent};
  }

  const Options& options_;
  int threads_;
  at::Tensor weights_P_;
  train::Checkpoint model_;
  std::vector<at::Tensor> x_KRC_;        ///< the residual stream of every batch, as far as it has come
  std::vector<std::int64_t> sequences_;  ///< of every batch
};

}  // namespace

QuantizedModel quantized_model(const train::Checkpoint& checkpoint, const Calibration& calibration,
                               const Options& options, int threads) {
  const at::NoGradGuard no_gradients;
  return Sequence(checkpoint, calibration, options, threads)();
}

}  // namespace vernier::ptq
