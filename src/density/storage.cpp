#include "density/storage.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "format/stored_bits.h"
#include "record/recipe.h"

namespace vernier::density {

namespace {

constexpr double kNotRounded = 16;  ///< bits of what is not rounded, as in C = 6 N D P/16
constexpr double kForward = 1.0 / 3;
constexpr double kAwqScale = 32;  ///< bits of AWQ's scale of an input

struct Matrix {
  std::int64_t rows, columns;  ///< outputs, inputs
};

/// As the recipe says; as the default where this version does not know the recipe of a stored run.
Architecture architecture_of(const StoredRun& run) {
  for (const Recipe& recipe : recipes())
    if (recipe.name == run.spec.recipe) return recipe.architecture;
  return {};
}

/// The matrices of one block as they are stored: queries, keys and values in one, the output of attention, the first
/// ones of the mlp in one, its last.
std::vector<Matrix> matrices_of(const StoredRun& run) {
  const Architecture architecture = architecture_of(run);
  const std::int64_t width = run.spec.shape.width, hidden = mlp_width(architecture, run.spec.shape);
  return {{3 * width, width}, {width, width}, {(architecture.is_gated() ? 2 : 1) * hidden, width}, {width, hidden}};
}

double bits_of_number(const std::string& number) {
  const Number parsed = parse_number(number);
  return parsed.rounded ? parsed.bits() : kNotRounded;
}

/// Of one block: elements of its matrices, and the bits they take.
struct Block {
  double elements = 0, bits = 0;
};

Block block_of(const StoredRun& run, const Number& number, bool awq) {
  Block block;
  for (const auto& [rows, columns] : matrices_of(run)) {
    block.elements += static_cast<double>(rows * columns);
    block.bits += stored_bits(number, rows, columns) + (awq ? kAwqScale * static_cast<double>(columns) : 0);
  }
  return block;
}

}  // namespace

Storage storage_of(const StoredRun& run, const std::string& weights, const std::string& method) {
  const CountByRole& count = run.record.parameters;
  const Number number = parse_number(weights);
  const double counted = count.non_embedding(), depth = static_cast<double>(run.spec.shape.depth);
  const Block block = number.rounded ? block_of(run, number, method == "awq") : Block{};
  Storage storage;
  storage.mean = (depth * block.bits + (counted - depth * block.elements) * kNotRounded) / counted;
  storage.total = storage.mean * counted + count.embedding * bits_of_number(run.spec.numbers.embedding) +
                  count.head * bits_of_number(run.spec.numbers.head);
  return storage;
}

double flops_per_token(const StoredRun& run) {
  return run.record.flops.total() / static_cast<double>(run.spec.tokens) * kForward;
}

FlopsOfSize::FlopsOfSize(const std::vector<const StoredRun*>& family) {
  std::map<double, double> by_size;
  for (const StoredRun* run : family) by_size[run->record.parameters.non_embedding()] = flops_per_token(*run);
  for (const auto& [params, flops] : by_size) {
    if (!(params > 0) || !(flops > 0)) continue;
    log_params_.push_back(std::log(params));
    log_flops_.push_back(std::log(flops));
  }
}

double FlopsOfSize::log_flops(double log_params) const {
  if (log_params_.empty()) return std::nan("");
  if (log_params_.size() == 1) return log_flops_[0] + log_params - log_params_[0];
  const auto above = std::upper_bound(log_params_.begin(), log_params_.end(), log_params) - log_params_.begin();
  const auto i = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above, 1, std::ptrdiff_t(log_params_.size()) - 1));
  const double slope = (log_flops_[i] - log_flops_[i - 1]) / (log_params_[i] - log_params_[i - 1]);
  return log_flops_[i] + slope * (log_params - log_params_[i]);
}

}  // namespace vernier::density
