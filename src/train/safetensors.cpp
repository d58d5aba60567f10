#include "train/safetensors.h"

#include <fcntl.h>
#include <torch/torch.h>
#include <unistd.h>

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

/// A file of tensors that was opened, its header read.
struct Opened {
  std::ifstream stream;
  std::string place;
  Json header;
  std::uint64_t begin = 0, available = 0;  ///< of the data [bytes]
};

Opened open_safetensors(const std::filesystem::path& path) {
  Opened file{std::ifstream(path, std::ios::binary), path.string(), {}};
  if (!file.stream) throw Error(fmt::format("{}: cannot be read", file.place));
  const std::uint64_t bytes = std::filesystem::file_size(path);
  std::uint64_t length = 0;
  file.stream.read(reinterpret_cast<char*>(&length), sizeof length);
  if (bytes < sizeof length || length > bytes - sizeof length)
    throw Error(fmt::format("{}: {} bytes; expected a safetensors file", file.place, bytes));
  std::string header(length, ' ');
  file.stream.read(header.data(), static_cast<std::streamsize>(length));
  file.header = Json::parse(header, nullptr, false);
  if (!file.header.is_object())
    throw Error(fmt::format("{}: header is no JSON object; expected a safetensors file", file.place));
  file.begin = sizeof length + length;
  file.available = bytes - file.begin;
  return file;
}

/// Straight into the tensor's storage: a second copy of a large state would be the peak of a run's memory.
at::Tensor tensor_at(Opened& file, const Json& entry, const std::string& name) {
  const std::string place = file.place + ": " + name;
  if (entry.at("dtype") != "F32")
    throw Error(fmt::format("{}: type {}; expected F32", place, entry.at("dtype").dump()));
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>();
  const auto end = entry.at("data_offsets").at(1).get<std::uint64_t>();
  std::uint64_t size = 4;
  for (const std::int64_t length : shape) size *= static_cast<std::uint64_t>(length);
  if (begin > end || end > file.available || end - begin != size)
    throw Error(
        fmt::format("{}: data from {} to {}; expected {} bytes within {}", place, begin, end, size, file.available));
  at::Tensor tensor = at::empty(shape, at::kFloat);
  file.stream.seekg(static_cast<std::streamoff>(file.begin + begin));
  file.stream.read(reinterpret_cast<char*>(tensor.data_ptr<float>()), static_cast<std::streamsize>(size));
  if (!file.stream) throw Error(fmt::format("{}: could not be read to its end", place));
  return tensor;
}

std::map<std::string, std::string> metadata_of(const Opened& file) {
  const auto entry = file.header.find("__metadata__");
  return entry == file.header.end() ? std::map<std::string, std::string>()
                                    : entry->get<std::map<std::string, std::string>>();
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
  Opened file = open_safetensors(path);
  SafetensorsFile content{{}, metadata_of(file)};
  for (const auto& [name, entry] : file.header.items())
    if (name != "__metadata__") content.tensors.emplace_back(name, tensor_at(file, entry, name));
  return content;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  return metadata_of(open_safetensors(path));
}

}  // namespace vernier::train
