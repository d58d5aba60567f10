// The oracle language: endless text whose next-token probabilities are known exactly, so that the loss a perfect model
// would have, the E of a scaling law, can be checked.
//
// A sequence x_0, x_1, ... starts fresh. Given the prefix x_0 ... x_{t-1} the next token has the probability
//
//   p(x) = c_t R_t(x) + (1 - c_t) sum_{o=0}^{min(O, t)} w_o Q_o(x | x_{t-o} ... x_{t-1}) / sum_{o=0}^{min(O, t)} w_o
//
//   w_o  = (o + 1)^-order_decay                                                weights of the context orders, O =
//   orders Q_0  : u(x) = (x + 1)^-token_zipf / normaliser                             token frequencies, token 0 the
//   commonest Q_o  : sum_{j=1}^{candidates} z_j [x = k_o(h, j)],  z_j = j^-zipf / normaliser
//          h is the context: its number in base vocab where vocab^o <= contexts, else a hash of it below `contexts`;
//          k_o(h, j) are drawn from u, once and for all, by the language's seed
//   R_t  : copying: the share of x among the last copy_window tokens (fewer at the start);  c_t = copy, and c_0 = 0
//
// Common tokens make common contexts, whose frequencies are Zipfian in turn: a small model, or one that has seen
// little, knows the common ones, and what remains to be learned falls as a power of size and of data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/stream.h"
#include "record/corpus.h"

namespace vernier::data {

class Oracle {
 public:
  /// Throws Error with every problem of the spec.
  explicit Oracle(const OracleSpec& spec);

  const OracleSpec& spec() const { return spec_; }
  const std::string& digest() const { return digest_; }

  /// Writes `count` tokens of the index-th sequence of a part ("train" or "validation"). A longer sequence of the same
  /// index begins with the shorter one.
  void sequence(std::string_view part, std::int64_t index, std::int64_t count, std::uint16_t* tokens) const;

  /// p(x | the first `position` of tokens) for every x of the vocabulary.
  void probabilities(const std::uint16_t* tokens, std::int64_t position, double* p) const;
  /// p(tokens[position] | the first `position` of tokens): the entry of `probabilities`, found without the others.
  double probability(const std::uint16_t* tokens, std::int64_t position) const;
  /// Entropy of p(. | the first `position` of tokens) [nats].
  double entropy(const std::uint16_t* tokens, std::int64_t position) const;

 private:
  struct Order {
    bool hashed = false;                    ///< more contexts than the table has rows
    std::vector<std::uint16_t> candidates;  ///< [contexts, candidates]
  };

  const std::uint16_t* candidates_after(std::int64_t order, const std::uint16_t* end) const;
  std::int64_t orders_at(std::int64_t position) const { return std::min(spec_.orders, position); }
  std::int64_t copied_at(std::int64_t position) const { return std::min(spec_.copy_window, position); }
  double copy_at(std::int64_t position) const { return position > 0 ? spec_.copy : 0; }
  std::uint16_t draw(const std::uint16_t* tokens, std::int64_t position, double u) const;

  OracleSpec spec_;
  std::string digest_;
  std::vector<double> token_share_, token_cumulative_;          ///< u(x) [vocab]
  std::vector<double> candidate_share_, candidate_cumulative_;  ///< z_j [candidates]
  std::vector<double> weight_cumulative_;                       ///< sum of w_0 ... w_o [orders + 1]
  std::vector<Order> orders_;                                   ///< of orders 1, 2, ...
};

Problems problems(const OracleSpec& spec);

}  // namespace vernier::data
