#include "train/safetensors.h"

#include <fcntl.h>
#include <torch/torch.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "record/archive.h"

namespace vernier::train {

namespace {

std::string header_of(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::int64_t size = tensor.numel() * 4;
    header[name] = {{"dtype", "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void flush_to_disk(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  if (file < 0 || ::fsync(file) != 0) throw Failure(fmt::format("{}: could not be flushed to disk", path.string()));
  ::close(file);
}

at::Tensor tensor_at(const Json& entry, const char* data, std::uint64_t available, const std::string& place) {
  if (entry.at("dtype") != "F32")
    throw Error(fmt::format("{}: type {}; expected F32", place, entry.at("dtype").dump()));
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
  const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
  at::Tensor tensor = at::empty(shape, at::kFloat);
  if (begin > end || end > available || end - begin != static_cast<std::uint64_t>(tensor.numel()) * 4)
    throw Error(fmt::format("{}: data from {} to {}; expected {} bytes within {}", place, begin, end,
                            tensor.numel() * 4, available));
  std::memcpy(tensor.data_ptr<float>(), data + begin, end - begin);
  return tensor;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::ofstream file(path, std::ios::binary);
  const std::string header = header_of(tensors, metadata);
  const std::uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    file.write(reinterpret_cast<const char*>(plain.const_data_ptr<float>()), plain.numel() * 4);
  }
  file.close();
  if (!file) throw Failure(fmt::format("{}: could not be written", path.string()));
  flush_to_disk(path);
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const std::string bytes = text_of_file(path.string());
  std::uint64_t length = 0;
  if (bytes.size() >= sizeof length) std::memcpy(&length, bytes.data(), sizeof length);
  if (bytes.size() < sizeof length || length > bytes.size() - sizeof length)
    throw Error(fmt::format("{}: {} bytes; expected a safetensors file", path.string(), bytes.size()));
  const Json header = Json::parse(bytes.begin() + sizeof length,
                                  bytes.begin() + static_cast<std::ptrdiff_t>(sizeof length + length), nullptr, false);
  if (!header.is_object())
    throw Error(fmt::format("{}: header is no JSON object; expected a safetensors file", path.string()));
  SafetensorsFile content;
  const char* data = bytes.data() + sizeof length + length;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__")
      content.metadata = entry.get<std::map<std::string, std::string>>();
    else
      content.tensors.emplace_back(
          name, tensor_at(entry, data, bytes.size() - sizeof length - length, path.string() + ": " + name));
  }
  return content;
}

}  // namespace vernier::train
