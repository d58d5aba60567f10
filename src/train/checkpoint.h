// A trained model on disk: model.safetensors beside config.json, complete or absent.
#pragma once

#include <filesystem>

#include "model/transformer.h"
#include "record/run_spec.h"
#include "train/cohort.h"

namespace vernier::train {

/// What a checkpoint needs to be run again.
struct CheckpointConfig {
  std::string recipe;
  ShapeSpec shape;
  NumbersSpec numbers;  ///< that it was trained with, and is evaluated with

  template <class Archive>
  void fields(Archive& a) {
    a("recipe", recipe);
    a("shape", shape);
    a("numbers", numbers);
  }
};

/// Writes both files into `folder`, which is created.
void write_checkpoint(const std::filesystem::path& folder, const CheckpointConfig& config, const model::Layout& layout,
                      const at::Tensor& weights_P);

struct Checkpoint {
  CheckpointConfig config;
  model::Transformer cohort;  ///< of one member
};

/// The model of these weights, [layout.size] floats, which it shares.
Checkpoint checkpoint_of(const CheckpointConfig& config, const at::Tensor& weights_P);

/// A copy of a model's weights in the layout's order, [layout.size].
at::Tensor weights_of(const Checkpoint& checkpoint);

/// Reads a checkpoint folder, or the checkpoint/ of a run's folder. Throws Error naming the file where something is
/// missing, has another shape than config.json says, or cannot be read.
Checkpoint read_checkpoint(const std::filesystem::path& folder, at::Device device);

}  // namespace vernier::train
