#include "compress/prune.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "model/transformer.h"

namespace vernier::compress {

namespace {

std::int64_t share_of(std::int64_t count, double share) { return std::llround(share * static_cast<double>(count)); }

/// Everything that decays is a matrix.
bool is_matrix_of_block(const model::Layout& layout, const model::Parameter& p) {
  return (p.role == model::Role::Attention || p.role == model::Role::Mlp) && p.offset < layout.decayed;
}

std::vector<std::int64_t> places_of_matrices(const model::Layout& layout) {
  std::vector<std::int64_t> places;
  for (const model::Parameter& p : layout.parameters)
    for (std::int64_t i = 0; is_matrix_of_block(layout, p) && i < p.size(); ++i) places.push_back(p.offset + i);
  return places;
}

at::Tensor all_kept(const model::Layout& layout) { return at::ones({layout.size}, at::kFloat); }

/// What belongs to the units of a block, heads or channels, in views [a, units, b] of its parameters.
using Parts = std::vector<at::Tensor>;

/// A model's parameters by their names.
struct Named {
  const model::Layout& layout;
  std::vector<at::Tensor> views;

  Named(const model::Layout& of, const at::Tensor& storage_P)
      : layout(of), views(model::views_of(of, storage_P.unsqueeze(0))) {}
  /// One parameter [rows, columns]; a vector is a column. Undefined where there is none.
  at::Tensor operator()(const std::string& name) const {
    const auto found = model::find(layout, name);
    return found ? views[*found][0].view({views[*found].size(1), -1}) : at::Tensor();
  }
};

/// Adds the parts of a matrix whose outputs are units `times` over, and of its bias where it has one.
void add_outputs(const Named& named, const std::string& matrix, std::int64_t times, std::int64_t units, Parts& parts) {
  for (const std::string& name : {matrix, matrix + "_bias"})
    if (const at::Tensor part = named(name); part.defined()) parts.push_back(part.view({times, units, -1}));
}

Parts heads_of(const Named& named, const std::string& block, std::int64_t heads) {
  const at::Tensor out = named(block + "attention.out");
  Parts parts{out.view({out.size(0), heads, -1})};
  add_outputs(named, block + "attention.qkv", 3, heads, parts);
  return parts;
}

Parts channels_of(const Named& named, const std::string& block) {
  const at::Tensor down = named(block + "mlp.down");
  Parts parts{down.unsqueeze(2)};
  add_outputs(named, block + "mlp.gate_up", 2, down.size(1), parts);
  add_outputs(named, block + "mlp.up", 1, down.size(1), parts);
  return parts;
}

/// The squared norm of every unit, [units]. Its square root would rank them alike.
at::Tensor strengths_of(const Parts& weights) {
  at::Tensor sum;
  for (const at::Tensor& part : weights) {
    const at::Tensor squares = part.to(at::kDouble).square().sum({0, 2});
    sum = sum.defined() ? sum + squares : squares;
  }
  return sum;
}

void take_weakest(const Parts& weights, const Parts& kept, double share, std::int64_t least) {
  const at::Tensor strengths = strengths_of(weights);
  const std::int64_t units = strengths.size(0);
  const std::int64_t count = std::min(share_of(units, share), std::max<std::int64_t>(units - least, 0));
  const at::Tensor weakest = at::argsort(strengths, /*stable=*/true, 0, /*descending=*/false).narrow(0, 0, count);
  for (at::Tensor part : kept) part.index_fill_(1, weakest, 0);
}

}  // namespace

at::Tensor unstructured_mask(const model::Layout& layout, const at::Tensor& weights_P, double share) {
  const at::Tensor weights = weights_P.to(at::kCPU).contiguous();
  const float* w = weights.const_data_ptr<float>();
  std::vector<std::int64_t> places = places_of_matrices(layout);
  const auto end = places.begin() + share_of(static_cast<std::int64_t>(places.size()), share);
  const auto before = [w](std::int64_t a, std::int64_t b) {
    return std::pair(std::abs(w[a]), a) < std::pair(std::abs(w[b]), b);
  };
  if (end != places.end()) std::nth_element(places.begin(), end, places.end(), before);
  at::Tensor kept_P = all_kept(layout);
  std::for_each(places.begin(), end, [kept = kept_P.data_ptr<float>()](std::int64_t place) { kept[place] = 0; });
  return kept_P.to(weights_P.device());
}

at::Tensor structured_mask(const model::Layout& layout, const ShapeSpec& shape, const at::Tensor& weights_P,
                           double share) {
  const at::Tensor kept_P = all_kept(layout);
  const Named weights(layout, weights_P.to(at::kCPU).contiguous()), kept(layout, kept_P);
  for (std::int64_t i = 0; i < shape.depth; ++i) {
    const std::string block = fmt::format("blocks.{}.", i);
    take_weakest(heads_of(weights, block, shape.heads), heads_of(kept, block, shape.heads), share, 1);
    take_weakest(channels_of(weights, block), channels_of(kept, block), share, kLeastChannels);
  }
  return kept_P.to(weights_P.device());
}

double params_left(const model::Layout& layout, const at::Tensor& kept_P) {
  const auto gone = static_cast<double>(layout.size) - kept_P.sum(at::kDouble).item<double>();
  return model::count(layout).non_embedding() - gone;
}

}  // namespace vernier::compress
