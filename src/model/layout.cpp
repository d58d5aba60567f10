#include "model/layout.h"

#include <algorithm>
#include <cassert>

#include "format/number.h"

namespace vernier::model {

namespace {

std::int64_t groups_of(const Number& number, const Parameter& matrix) {
  if (number.granularity == Granularity::Tensor) return 1;
  return matrix.rows *
         (number.granularity == Granularity::Block ? (matrix.columns + number.block - 1) / number.block : 1);
}

/// Names and sizes of the learned scales of a member.
std::vector<std::pair<std::string, std::int64_t>> learned_scales(const std::vector<Parameter>& matrices,
                                                                 const ShapeSpec& shape, const NumbersSpec& spec) {
  std::vector<std::pair<std::string, std::int64_t>> scales;
  const auto learns = [](const std::string& text) { return parse_number(text).scale == Scale::Lsq; };
  for (const Parameter& matrix : matrices) {
    const bool block = matrix.role == Role::Attention || matrix.role == Role::Mlp;
    const std::string& weights = block ? spec.weights : matrix.role == Role::Head ? spec.head : spec.embedding;
    if (learns(weights)) scales.emplace_back(matrix.name + ".weight_scale", groups_of(parse_number(weights), matrix));
    if (block && learns(spec.activations)) scales.emplace_back(matrix.name + ".input_scale", 1);
  }
  for (std::int64_t block = 0; block < shape.depth; ++block)
    for (const auto& [number, parts] :
         {std::pair{&spec.kv, std::vector{"key", "value"}},
          std::pair{&spec.attention,
                    std::vector{"query_operand", "key_operand", "value_operand", "probability_operand"}}})
      for (const char* part : parts)
        if (learns(*number)) scales.emplace_back(fmt::format("blocks.{}.attention.{}_scale", block, part), 1);
  return scales;
}

}  // namespace

Layout layout_of(const ShapeSpec& shape, const NumbersSpec& numbers) {
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
  const std::vector<Parameter> matrices(layout.parameters.begin(), layout.parameters.begin() + 4 * shape.depth + 2);
  for (const auto& [name, size] : learned_scales(matrices, shape, numbers)) add(name, Role::Scale, 1, size);
  return layout;
}

bool same_storage(const Layout& a, const Layout& b) {
  return std::equal(a.parameters.begin(), a.parameters.end(), b.parameters.begin(), b.parameters.end(),
                    [](const Parameter& x, const Parameter& y) { return x.name == y.name && x.size() == y.size(); });
}

std::optional<std::size_t> find(const Layout& layout, std::string_view name) {
  const auto& all = layout.parameters;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Parameter& p) { return p.name == name; });
  if (found == all.end()) return std::nullopt;
  return static_cast<std::size_t>(found - all.begin());
}

std::size_t index_of(const Layout& layout, std::string_view name) {
  const auto found = find(layout, name);
  assert(found);
  return *found;
}

CountByRole count(const Layout& layout) {
  CountByRole sum;
  for (const Parameter& parameter : layout.parameters) {
    if (parameter.role == Role::Scale) continue;
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
