// The loss of a checkpoint on tokens that come from a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/checkpoint.h"

namespace vernier::train {

/// Tokens of a file: llm.c's .bin (256 32-bit words of header, magic 20240520, version 1, count; then uint16) or raw
/// uint16. Throws Error naming the file where it is cut short or holds a token of `vocab` or beyond.
std::vector<std::uint16_t> read_token_file(const std::filesystem::path& path, std::int64_t vocab);

struct TokenLoss {
  double loss = 0;            ///< [nats per token]
  double standard_error = 0;  ///< over windows
  std::int64_t tokens = 0;    ///< predicted
};

/// Windows of the model's context laid end to end; every position but the first of a window is predicted, a short last
/// window of two tokens or more included.
TokenLoss loss_on_tokens(const Checkpoint& checkpoint, const std::vector<std::uint16_t>& tokens);

}  // namespace vernier::train
