// Which parameters magnitude pruning takes out of a model.
//
// Axes: P parameter of a member's flat storage.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/layout.h"

namespace vernier::compress {

/// The smallest |w| of the blocks' matrices, all of them ranked together: round(share x their elements); of equal ones
/// those that come first in the storage go first.
///
/// weights_P  [layout.size]
/// returns    1 where a parameter stays, 0 where it goes; the embedding, the head, gains and biases stay
/// source     Han et al., arXiv 1506.02626 (magnitude); ranked over all layers at once as in Frankle and Carbin,
///            arXiv 1803.03635, and Blalock et al., arXiv 2003.03033, whose "global magnitude" it is
at::Tensor unstructured_mask(const model::Layout& layout, const at::Tensor& weights_P, double share);

/// Whole heads (rows of queries, keys and values, columns of the output) and hidden channels of the mlp (rows of gate
/// and up, columns of down): in every block the weakest round(share x heads) and round(share x channels), but always
/// a head and kLeastChannels channels are left. The strength of a unit is the L2 norm of all its weights.
///
/// weights_P  [layout.size]
/// returns    as above
/// source     Han et al. (magnitude); units as in Ma et al., arXiv 2305.11627, section 3.1, and Xia et al.,
///            arXiv 2310.06694, section 2.1
at::Tensor structured_mask(const model::Layout& layout, const ShapeSpec& shape, const at::Tensor& weights_P,
                           double share);

inline constexpr std::int64_t kLeastChannels = 16;  ///< of a block's mlp; the step in which recipes size it

/// N of what is left: the parameters of blocks and final norm that stay.
double params_left(const model::Layout& layout, const at::Tensor& kept_P);

}  // namespace vernier::compress
