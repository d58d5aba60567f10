#include "fit/columns.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"

namespace vernier::fit {
namespace {

constexpr std::array<std::string_view, 24> kColumns{
    "run_id",    "n_non_embedding", "tokens",        "loss_val",        "weights",   "activations",
    "kv",        "gradients",       "weight_bits",   "activation_bits", "kv_bits",   "gradient_bits",
    "group",     "exponent_bits",   "mantissa_bits", "status",          "seed",      "post_weights",
    "post_bits", "method",          "loss_before",   "delta",           "task_loss", "task_accuracy"};

}  // namespace

std::vector<std::vector<std::string>> needed_columns(law::Target target) {
  switch (target) {
    case law::Target::Loss:
      return {{"n_non_embedding"}, {"tokens"}, {"loss_val"}};
    case law::Target::PostTraining:
      return {{"n_non_embedding"}, {"tokens"}, {"loss_val"}, {"post_weights", "post_bits"}, {"loss_before", "delta"}};
    case law::Target::TaskLoss:
      return {{"n_non_embedding"}, {"tokens"}, {"task_loss", "loss_val"}};
    case law::Target::TaskScore:
      break;
  }
  return {{"task_loss"}, {"task_accuracy"}};
}

std::map<std::string, std::string> parse_map(const std::string& text) {
  std::map<std::string, std::string> map;
  Problems problems;
  for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string pair = text.substr(begin, end - begin);
    const auto equals = pair.find('=');
    const std::string ours = pair.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == pair.size())
      problems.push_back(fmt::format("--map: expected canonical=foreign, got '{}'", pair));
    else if (std::find(kColumns.begin(), kColumns.end(), ours) == kColumns.end())
      problems.push_back(fmt::format("--map: no column is called '{}'; known: {}", ours, fmt::join(kColumns, ", ")));
    else
      map[ours] = pair.substr(equals + 1);
    begin = end + 1;
  }
  refuse_if(problems);
  return map;
}

}  // namespace vernier::fit
