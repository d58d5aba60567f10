// How the members of a cohort round.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "format/number.h"
#include "quant/carrier.h"
#include "record/run_spec.h"

namespace vernier::model {

/// The numbers of one part, one per cohort member: members of different formats share a cohort.
using MemberNumbers = std::vector<Number>;

/// Keys of stochastic draws that lie in memory, one for every tensor of every member that draws, so that a step
/// recorded once draws anew when it is repeated.
struct KeyTable {
  struct Place {
    std::size_t member;
    std::string tensor;
    auto operator<=>(const Place&) const = default;
  };
  std::vector<Place> places;  ///< in the order in which tensors asked first
  std::map<Place, std::size_t> index;
  const std::uint64_t* keys = nullptr;  ///< of the places; null while these are being learned, and keys are values
};

/// What one member does beyond its numbers. Every rounded tensor draws from a child stream of its own name, so a draw
/// is a function of seed, step, tensor and element.
struct Rules {
  Rounding forward = Rounding::Nearest, backward = Rounding::Nearest;
  Estimator estimator = Estimator::Identity;
  std::int64_t rotation = 0;  ///< block of the Hadamard rotation of both operands of a product; 0: none
  bool exact = false;         ///< fp32 carriers throughout
  bool first_step = false;    ///< learned scales of activations begin with this step's
  Stream draws{0};            ///< of this step's stochastic rounding
  Stream signs{0};            ///< of the rotations, the same at every step
  KeyTable* table = nullptr;  ///< where keys lie, in which this is number `member`; null: keys are values
  std::size_t member = 0;
};

/// How the operands of matrix products are rounded.
struct LinearNumbers {
  MemberNumbers weights, activations;
  /// Of the output's gradient, in the product that gives the gradient of the inputs and in that of the weights.
  MemberNumbers input_gradients, weight_gradients;
};

/// What is rounded, and to what, for every member.
struct CohortNumbers {
  LinearNumbers blocks;  ///< the matrices of attention and mlp
  LinearNumbers embedding, head;
  MemberNumbers kv;         ///< keys (after norm and rotation) and values
  MemberNumbers attention;  ///< operands of both attention products
};

/// From the number strings of each member; throws Error where one is no number.
CohortNumbers cohort_numbers(const std::vector<NumbersSpec>& members);

/// The rules of a member with this seed at this step (counted from 0). Throws Error for an unknown name.
Rules rules_of(const NumbersSpec& spec, std::int64_t seed, bool exact, std::int64_t step);

/// The rules of evaluation: those of training, but always to nearest.
Rules rules_of_evaluation(const NumbersSpec& spec, std::int64_t seed, bool exact);

/// How a tensor of this name is rounded on the way forward.
quant::How how_forward(const Rules& rules, std::string_view tensor);
quant::How how_backward(const Rules& rules, std::string_view tensor);

/// Carrier of the products of the blocks' matrices on the way forward; what a run's record states.
quant::Carrier carrier_of(const NumbersSpec& spec, bool exact, bool on_cpu);

}  // namespace vernier::model
