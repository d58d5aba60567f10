#include "model/layout.h"

#include <algorithm>
#include <cassert>

namespace vernier::model {

Layout layout_of(const ShapeSpec& shape) {
  Layout layout;
  const auto add = [&](std::string name, Role role, std::int64_t rows, std::int64_t columns) {
    layout.parameters.push_back({std::move(name), role, rows, columns, layout.size});
    layout.size += rows * columns;
  };
  const std::int64_t width = shape.width, hidden = mlp_width(shape);
  add("embedding", Role::Embedding, shape.vocab, width);
  for (std::int64_t block = 0; block < shape.depth; ++block) {
    const std::string prefix = fmt::format("blocks.{}.", block);
    add(prefix + "attention.qkv", Role::Attention, 3 * width, width);
    add(prefix + "attention.out", Role::Attention, width, width);
    add(prefix + "mlp.gate_up", Role::Mlp, 2 * hidden, width);
    add(prefix + "mlp.down", Role::Mlp, width, hidden);
  }
  add("head", Role::Head, shape.vocab, width);
  layout.decayed = layout.size;
  for (std::int64_t block = 0; block < shape.depth; ++block) {
    add(fmt::format("blocks.{}.attention.norm", block), Role::Norm, 1, width);
    add(fmt::format("blocks.{}.mlp.norm", block), Role::Norm, 1, width);
  }
  add("norm", Role::Norm, 1, width);
  return layout;
}

std::size_t index_of(const Layout& layout, std::string_view name) {
  const auto& all = layout.parameters;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Parameter& p) { return p.name == name; });
  assert(found != all.end());
  return static_cast<std::size_t>(found - all.begin());
}

CountByRole count(const Layout& layout) {
  CountByRole sum;
  for (const Parameter& parameter : layout.parameters) {
    double& part = parameter.role == Role::Embedding   ? sum.embedding
                   : parameter.role == Role::Attention ? sum.attention
                   : parameter.role == Role::Mlp       ? sum.mlp
                   : parameter.role == Role::Norm      ? sum.norm
                                                       : sum.head;
    part += static_cast<double>(parameter.size());
  }
  return sum;
}

}  // namespace vernier::model
