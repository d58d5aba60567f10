// The transformer cohort: K models of one shape that read the same batch, each with its own weights and numbers.
//
// Axes: K cohort member, B sequence, T position, R = B T row, C channel, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "base/stream.h"
#include "model/layout.h"
#include "model/linear.h"
#include "model/operations.h"
#include "record/recipe.h"

namespace vernier::model {

struct Transformer {
  ShapeSpec shape;
  Architecture architecture;
  Layout layout;
  CohortNumbers numbers;
  std::vector<Rules> rules;  ///< of every member, at this step
  std::vector<at::Tensor>
      parameters;  ///< of `layout`, each [K, rows, columns], vectors [K, columns]: views of one storage
};

/// Views of a storage [K, layout.size], one per parameter, in the layout's order.
std::vector<at::Tensor> views_of(const Layout& layout, const at::Tensor& storage_KP);

/// Fills a member's storage [layout.size]: gains 1, biases 0, matrices normal with the recipe's deviations, learned
/// scales of weights by the rule of their number (those of activations begin with the first step; those of weights that
/// are all zero as if they had the deviation 1 / sqrt(inputs)). Each parameter draws from the child stream of its name.
void initialise(const Layout& layout, const Recipe& recipe, const NumbersSpec& numbers, const Stream& stream,
                at::Tensor storage_P);

/// Is shown the input of a block's matrix, not yet rounded: the matrix's place in the layout, and [K, R, inputs].
using Observer = std::function<void(std::size_t parameter, const at::Tensor& input_KRI)>;

/// The forward pass in its parts: tokens_BT (int64) -> x_KRC, and that through one block. Positions count from 0 in
/// every sequence, which may be shorter than the context.
at::Tensor embed(const Transformer& cohort, const at::Tensor& tokens_BT);
at::Tensor through_block(const Transformer& cohort, const at::Tensor& x_KRC, std::int64_t sequences, std::size_t block,
                         const Observer& observe = {});

/// The first member's input of a block's matrix as its product sees it: turned, rounded and turned back. x_RI fp32
at::Tensor seen_input(const Transformer& cohort, std::size_t parameter, const at::Tensor& x_RI);

/// tokens_BT (int64) -> logits [K, R, V].
at::Tensor logits(const Transformer& cohort, const at::Tensor& tokens_BT);

/// Next-token loss of every row.  tokens_BT1 [B, T + 1] -> [K, R] nats
at::Tensor row_losses(const Transformer& cohort, const at::Tensor& tokens_BT1);

}  // namespace vernier::model
