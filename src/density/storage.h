// What models take to store and to run: stored bits and FLOPs, as far as a record tells.
#pragma once

#include <string>
#include <vector>

#include "record/run_record.h"

namespace vernier::density {

/// Stored bits of a model.
struct Storage {
  double mean = 0;   ///< of a parameter that N counts: matrices of the blocks with their scales, gains and biases at 16
  double total = 0;  ///< N times that, and embedding and head at their own numbers
};

/// Of a run whose matrices are stored under the number string `weights`, scales counted as format/stored_bits.h does;
/// 16 bits for whatever is not rounded. `method` awq adds its 32 bits for every input of a matrix.
Storage storage_of(const StoredRun& run, const std::string& weights, const std::string& method = "");

/// FLOPs of a forward pass on one token: a third of the training's.
double flops_per_token(const StoredRun& run);

/// FLOPs per token of the reference family by N: straight in ln N and ln FLOPs between its sizes, and beyond them with
/// the slope of the nearest two; proportional to N where there is one size.
class FlopsOfSize {
 public:
  explicit FlopsOfSize(const std::vector<const StoredRun*>& family);
  bool is_known() const { return !log_params_.empty(); }  ///< some run states its FLOPs
  double log_flops(double log_params) const;              ///< NaN where none does

 private:
  std::vector<double> log_params_, log_flops_;  ///< ascending
};

}  // namespace vernier::density
