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
                                                                 const ShapeSpec& shape, const NumbersSpec& spec,
                                                                 bool tied) {
  std::vector<std::pair<std::string, std::int64_t>> scales;
  const auto learns = [](const std::string& text) { return parse_number(text).scale == Scale::Lsq; };
  for (const Parameter& matrix : matrices) {
    const bool block = matrix.role == Role::Attention || matrix.role == Role::Mlp;
    const std::string& weights = block ? spec.weights : matrix.role == Role::Head ? spec.head : spec.embedding;
    if (learns(weights)) scales.emplace_back(matrix.name + ".weight_scale", groups_of(parse_number(weights), matrix));
    if (block && learns(spec.activations)) scales.emplace_back(matrix.name + ".input_scale", 1);
    if (tied && matrix.name == "embedding" && learns(spec.head))
      scales.emplace_back("head.weight_scale", groups_of(parse_number(spec.head), matrix));
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

namespace {

/// Parameters are laid one behind the other.
struct Laying {
  Layout layout;

  void add(std::string name, Role role, std::int64_t rows, std::int64_t columns) {
    layout.parameters.push_back({std::move(name), role, rows, columns, layout.size});
    layout.size += rows * columns;
  }
  void add(std::string name, Role role, std::int64_t size) { add(std::move(name), role, 1, size); }
};

void add_norm(Laying& to, const std::string& name, const Architecture& architecture, std::int64_t width) {
  to.add(name, Role::Norm, width);
  if (architecture.norm == Norm::Layer) to.add(name + "_bias", Role::Norm, width);
}

void add_matrices(Laying& to, const Architecture& architecture, const ShapeSpec& shape) {
  const std::int64_t width = shape.width, hidden = mlp_width(architecture, shape);
  to.add("embedding", Role::Embedding, shape.vocab, width);
  if (architecture.positions == Positions::Learned) to.add("positions", Role::Embedding, shape.context, width);
  for (std::int64_t block = 0; block < shape.depth; ++block) {
    const std::string prefix = fmt::format("blocks.{}.", block);
    to.add(prefix + "attention.qkv", Role::Attention, 3 * width, width);
    to.add(prefix + "attention.out", Role::Attention, width, width);
    if (architecture.is_gated())
      to.add(prefix + "mlp.gate_up", Role::Mlp, 2 * hidden, width);
    else
      to.add(prefix + "mlp.up", Role::Mlp, hidden, width);
    to.add(prefix + "mlp.down", Role::Mlp, width, hidden);
  }
  if (!architecture.tied_head) to.add("head", Role::Head, shape.vocab, width);
}

void add_vectors(Laying& to, const Architecture& architecture, const ShapeSpec& shape) {
  for (std::int64_t block = 0; block < shape.depth; ++block) {
    add_norm(to, fmt::format("blocks.{}.attention.norm", block), architecture, shape.width);
    add_norm(to, fmt::format("blocks.{}.mlp.norm", block), architecture, shape.width);
  }
  if (architecture.has_final_norm()) add_norm(to, "norm", architecture, shape.width);
  for (const Parameter& matrix : std::vector(to.layout.parameters)) {
    if (matrix.role == Role::Attention && architecture.biases == Biases::All)
      to.add(matrix.name + "_bias", Role::AttentionBias, matrix.rows);
    if (matrix.role == Role::Mlp && architecture.biases != Biases::None)
      to.add(matrix.name + "_bias", Role::MlpBias, matrix.rows);
  }
}

}  // namespace

Layout layout_of(const Architecture& architecture, const ShapeSpec& shape, const NumbersSpec& numbers) {
  Laying laying;
  add_matrices(laying, architecture, shape);
  const std::vector<Parameter> matrices = laying.layout.parameters;
  laying.layout.decayed = laying.layout.size;
  add_vectors(laying, architecture, shape);
  for (const auto& [name, size] : learned_scales(matrices, shape, numbers, architecture.tied_head))
    laying.add(name, Role::Scale, size);
  return laying.layout;
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
  const auto part_of = [&](Role role) -> double& {
    switch (role) {
      case Role::Embedding:
        return sum.embedding;
      case Role::Attention:
      case Role::AttentionBias:
        return sum.attention;
      case Role::Mlp:
      case Role::MlpBias:
        return sum.mlp;
      case Role::Norm:
        return sum.norm;
      default:
        return sum.head;
    }
  };
  for (const Parameter& parameter : layout.parameters)
    if (parameter.role != Role::Scale) part_of(parameter.role) += static_cast<double>(parameter.size());
  return sum;
}

}  // namespace vernier::model
