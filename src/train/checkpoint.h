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
  NumbersSpec numbers;    ///< that it was trained with, and is evaluated with
  std::int64_t seed = 0;  ///< of the run, from which a rotation follows
  bool exact = false;     ///< fp32 carriers throughout

  template <class Archive>
  void fields(Archive& a) {
    a("recipe", recipe);
    a("shape", shape);
    a("numbers", numbers);
    a.optional("seed", seed);
    a.optional("exact", exact);
  }
};

/// Writes both files into `folder`, which is created.
void write_checkpoint(const std::filesystem::path& folder, const CheckpointConfig& config, const at::Tensor& weights_P);

struct Checkpoint {
  CheckpointConfig config;
  model::Transformer cohort;  ///< of one member
};

/// The model of these weights, [layout.size] floats, which it shares.
Checkpoint checkpoint_of(const CheckpointConfig& config, const at::Tensor& weights_P);

/// A copy of a model's weights in the order of the layout that these numbers have: the model's own, or others that
/// learn fewer scales. [layout.size]
at::Tensor weights_of(const Checkpoint& checkpoint, const NumbersSpec& numbers);

/// Reads a checkpoint folder, or the checkpoint/ of a run's folder. Throws Error naming the file where something is
/// missing, has another shape than config.json says, or cannot be read.
Checkpoint read_checkpoint(const std::filesystem::path& folder, at::Device device);

}  // namespace vernier::train
