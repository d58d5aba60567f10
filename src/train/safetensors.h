// Tensors in files that other tools open, the safetensors format (8 bytes of header length, a JSON header,
// then the data).
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vernier::train {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Writes fp32 tensors and text entries under "__metadata__"; the file is flushed to disk before the call returns.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata);

struct SafetensorsFile {
  NamedTensors tensors;  ///< fp32, in the order of the file
  std::map<std::string, std::string> metadata;
};

/// Throws Error with the path where the file is not safetensors, is cut short or holds a type other than F32.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Only the text entries, without reading the tensors.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);

}  // namespace vernier::train
