#include "train/checkpoint.h"

#include <torch/torch.h>

#include <fstream>

#include "record/archive.h"
#include "train/safetensors.h"

namespace vernier::train {

namespace {
model::Layout layout_of(const CheckpointConfig& config) {
  return model::layout_of(architecture_of(config.recipe), config.shape, config.numbers);
}
}  // namespace

void write_checkpoint(const std::filesystem::path& folder, const CheckpointConfig& config,
                      const at::Tensor& weights_P) {
  const model::Layout layout = layout_of(config);
  std::filesystem::create_directories(folder);
  NamedTensors tensors;
  for (const model::Parameter& p : layout.parameters) {
    const at::Tensor flat = weights_P.narrow(0, p.offset, p.size());
    tensors.emplace_back(p.name, model::is_vector(p.role) ? flat : flat.view({p.rows, p.columns}));
  }
  write_safetensors(folder / "model.safetensors", tensors, {{"format", "vernier"}});
  std::ofstream file(folder / "config.json");
  file << to_json(config).dump(2) << '\n';
  file.close();
  if (!file) throw Failure(fmt::format("{}: could not be written", (folder / "config.json").string()));
}

namespace {

void copy_parameters(const SafetensorsFile& file, const model::Layout& layout, at::Tensor& weights_P,
                     const std::string& place) {
  Problems problems;
  for (const model::Parameter& p : layout.parameters) {
    const auto found = std::find_if(file.tensors.begin(), file.tensors.end(),
                                    [&](const auto& named) { return named.first == p.name; });
    if (found == file.tensors.end())
      problems.push_back(fmt::format("{}: {}: missing; expected this tensor", place, p.name));
    else if (found->second.numel() != p.size())
      problems.push_back(
          fmt::format("{}: {}: {} elements; expected {}", place, p.name, found->second.numel(), p.size()));
    else
      weights_P.narrow(0, p.offset, p.size()).copy_(found->second.flatten());
  }
  refuse_if(problems);
}

}  // namespace

Checkpoint checkpoint_of(const CheckpointConfig& config, const at::Tensor& weights_P) {
  const model::Layout layout = layout_of(config);
  return {config,
          {config.shape,
           architecture_of(config.recipe),
           layout,
           model::cohort_numbers({config.numbers}),
           {model::rules_of_evaluation(config.numbers, config.seed, config.exact)},
           model::views_of(layout, weights_P.unsqueeze(0))}};
}

at::Tensor weights_of(const Checkpoint& checkpoint, const NumbersSpec& numbers) {
  CheckpointConfig config = checkpoint.config;
  config.numbers = numbers;
  std::vector<at::Tensor> flat;
  for (const model::Parameter& p : layout_of(config).parameters)
    flat.push_back(checkpoint.cohort.parameters[model::index_of(checkpoint.cohort.layout, p.name)].flatten());
  return at::cat(flat);
}

Checkpoint read_checkpoint(const std::filesystem::path& given, at::Device device) {
  const auto folder = std::filesystem::exists(given / "checkpoint") ? given / "checkpoint" : given;
  const auto config_file = (folder / "config.json").string();
  const auto config = value_from_text<CheckpointConfig>(text_of_file(config_file), config_file);
  const model::Layout layout = layout_of(config);
  at::Tensor weights_P = at::zeros({layout.size}, at::TensorOptions().dtype(at::kFloat).device(device));
  const auto model_file = folder / "model.safetensors";
  copy_parameters(read_safetensors(model_file), layout, weights_P, model_file.string());
  return checkpoint_of(config, weights_P);
}

}  // namespace vernier::train
