#include "train/evaluate.h"

#include <torch/torch.h>

#include <cmath>
#include <cstring>

#include "record/archive.h"

namespace vernier::train {

namespace {
constexpr std::int32_t kMagic = 20240520;  // llm.c
constexpr std::size_t kHeaderBytes = 256 * 4;
}  // namespace

std::vector<std::uint16_t> read_token_file(const std::filesystem::path& path, std::int64_t vocab) {
  const std::string bytes = text_of_file(path.string());
  std::size_t begin = 0, count = bytes.size() / 2;
  std::int32_t header[3] = {};
  if (bytes.size() >= sizeof header) std::memcpy(header, bytes.data(), sizeof header);
  if (header[0] == kMagic) {
    begin = kHeaderBytes;
    count = static_cast<std::size_t>(header[2]);
    if (bytes.size() < begin + 2 * count)
      throw Error(fmt::format("{}: {} bytes; expected {} tokens after its header", path.string(), bytes.size(), count));
  } else if (bytes.size() % 2 != 0) {
    throw Error(
        fmt::format("{}: {} bytes; expected an even number, as raw uint16 tokens have", path.string(), bytes.size()));
  }
  std::vector<std::uint16_t> tokens(count);
  std::memcpy(tokens.data(), bytes.data() + begin, 2 * count);
  for (std::size_t i = 0; i < count; ++i)
    if (tokens[i] >= vocab)
      throw Error(fmt::format("{}: token {} at position {}; expected less than the vocabulary of {}", path.string(),
                              tokens[i], i, vocab));
  if (count < 2) throw Error(fmt::format("{}: {} tokens; expected two or more", path.string(), count));
  return tokens;
}

TokenLoss loss_on_tokens(const Checkpoint& checkpoint, const std::vector<std::uint16_t>& tokens) {
  const at::NoGradGuard no_gradients;
  const std::int64_t context = checkpoint.config.shape.context, count = static_cast<std::int64_t>(tokens.size());
  const at::Device device = checkpoint.cohort.parameters[0].device();
  std::vector<double> means, sizes;
  for (std::int64_t begin = 0; begin + 1 < count; begin += context) {
    const std::int64_t size = std::min(context, count - begin);
    at::Tensor window = at::empty({1, size}, at::kLong);
    std::copy_n(tokens.begin() + begin, size, window.data_ptr<std::int64_t>());
    const at::Tensor losses = model::row_losses(checkpoint.cohort, window.to(device));
    means.push_back(losses.to(at::kCPU, at::kDouble).mean().item<double>());
    sizes.push_back(static_cast<double>(size - 1));
  }
  TokenLoss result;
  double total = 0, squares = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    total += sizes[i];
    result.loss += sizes[i] * means[i];
  }
  result.loss /= total;
  for (std::size_t i = 0; i < means.size(); ++i) squares += std::pow(sizes[i] / total * (means[i] - result.loss), 2);
  const double windows = static_cast<double>(means.size());
  result.standard_error = windows < 2 ? 0 : std::sqrt(squares * windows / (windows - 1));
  result.tokens = static_cast<std::int64_t>(total);
  return result;
}

}  // namespace vernier::train
