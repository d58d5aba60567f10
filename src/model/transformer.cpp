#include "model/transformer.h"

#include <torch/torch.h>

#include <cmath>

#include "quant/hadamard.h"
#include "quant/quantize.h"

namespace vernier::model {

std::vector<at::Tensor> views_of(const Layout& layout, const at::Tensor& storage_KP) {
  std::vector<at::Tensor> views;
  const std::int64_t members = storage_KP.size(0);
  for (const Parameter& p : layout.parameters) {
    const at::Tensor flat = storage_KP.narrow(1, p.offset, p.size());
    views.push_back(p.role == Role::Norm || p.role == Role::Scale ? flat : flat.view({members, p.rows, p.columns}));
  }
  return views;
}

namespace {

/// ln of the rule's scales of the initial weights, for every matrix that learns its own.
void initialise_scales(const Layout& layout, const NumbersSpec& numbers, at::Tensor& storage_P) {
  for (const Parameter& matrix : layout.parameters) {
    const auto found = find(layout, matrix.name + ".weight_scale");
    if (!found) continue;
    const Parameter& scale = layout.parameters[*found];
    const std::string& number = matrix.role == Role::Head        ? numbers.head
                                : matrix.role == Role::Embedding ? numbers.embedding
                                                                 : numbers.weights;
    const at::Tensor weights = storage_P.narrow(0, matrix.offset, matrix.size()).view({matrix.rows, matrix.columns});
    storage_P.narrow(0, scale.offset, scale.size())
        .copy_(quant::scales_of(weights, parse_number(number)).flatten().log());
  }
}

}  // namespace

void initialise(const Layout& layout, const Recipe& recipe, const NumbersSpec& numbers, const Stream& stream,
                at::Tensor storage_P) {
  std::vector<float> values(static_cast<std::size_t>(layout.size), 1.0f);
  for (const Parameter& p : layout.parameters) {
    if (p.role == Role::Norm || p.role == Role::Scale) continue;
    const Stream own = stream.child(p.name);
    const double deviation =
        p.role == Role::Embedding ? recipe.embedding_deviation : 1 / std::sqrt(static_cast<double>(p.columns));
    for (std::int64_t i = 0; i < p.size(); ++i)
      values[static_cast<std::size_t>(p.offset + i)] = static_cast<float>(
          deviation * own.normals(static_cast<std::uint64_t>(i / 2))[static_cast<std::size_t>(i % 2)]);
  }
  storage_P.copy_(at::from_blob(values.data(), {layout.size}, at::kFloat));
  initialise_scales(layout, numbers, storage_P);
}

namespace {

/// The learned scales of this name, [K, scales]; undefined where there are none.
at::Tensor scale_named(const Transformer& cohort, const std::string& name) {
  const auto found = find(cohort.layout, name);
  return found ? cohort.parameters[*found] : at::Tensor();
}

/// Attention whose operands are all rounded: queries, keys, probabilities and values, each by rows of a head's channels
/// (probabilities by rows of positions). `name` is that of the block's attention.
at::Tensor rounded_attention(const Heads& heads, const Transformer& cohort, const std::string& name) {
  const auto operand = [&](const at::Tensor& x, const std::string& part) {
    const std::string full = name + "." + part + "_operand";
    return rounded(x, cohort.numbers.attention, cohort.rules, full, scale_named(cohort, full + "_scale"));
  };
  const auto q = operand(heads.q_KBHTD, "query"), k = operand(heads.k_KBHTD, "key"),
             v = operand(heads.v_KBHTD, "value");
  const std::int64_t length = q.size(3);
  const auto hidden = at::ones({length, length}, q.options().dtype(at::kBool)).triu(1);
  const auto scores = at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(4)));
  const auto weights = operand(at::softmax(scores.masked_fill(hidden, -INFINITY), -1), "probability");
  return at::matmul(weights, v).transpose(2, 3).reshape({q.size(0), q.size(1) * length, -1});
}

at::Tensor linear(const Transformer& cohort, const at::Tensor& input, std::size_t matrix,
                  const LinearNumbers& numbers) {
  const std::string& name = cohort.layout.parameters[matrix].name;
  return rounded_linear(input, cohort.parameters[matrix], numbers, cohort.rules, name,
                        {scale_named(cohort, name + ".weight_scale"), scale_named(cohort, name + ".input_scale")});
}

bool any_rounded(const MemberNumbers& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [](const Number& number) { return number.rounded; });
}

}  // namespace

at::Tensor attend(const Heads& heads) {
  const auto q = heads.q_KBHTD;
  const auto flat = [](const at::Tensor& x) { return x.flatten(0, 1); };
  const auto y = at::scaled_dot_product_attention(flat(q), flat(heads.k_KBHTD), flat(heads.v_KBHTD), {}, 0.0, true);
  return y.transpose(1, 2).reshape({q.size(0), q.size(1) * q.size(3), q.size(2) * q.size(4)});
}

at::Tensor embed(const Transformer& cohort, const at::Tensor& tokens_BT) {
  const at::Tensor embedding_KVC = rounded(cohort.parameters[0], cohort.numbers.embedding.weights, cohort.rules,
                                           "embedding", scale_named(cohort, "embedding.weight_scale"));
  return embedded(embedding_KVC, tokens_BT.flatten());
}

at::Tensor through_block(const Transformer& cohort, const at::Tensor& x_KRC, std::int64_t sequences, std::size_t block,
                         const Observer& observe) {
  const ShapeSpec& shape = cohort.shape;
  const CohortNumbers& numbers = cohort.numbers;
  const HeadShape heads{sequences, x_KRC.size(1) / sequences, shape.heads, shape.width / shape.heads};
  const std::size_t matrix = 1 + 4 * block, gain = 4 * static_cast<std::size_t>(shape.depth) + 2 + 2 * block;
  const auto parameter = [&](std::size_t i) { return cohort.parameters[i]; };
  const auto multiply = [&](const at::Tensor& input, std::size_t offset) {
    if (observe) observe(matrix + offset, input);
    return linear(cohort, input, matrix + offset, numbers.blocks);
  };
  const std::string attention = fmt::format("blocks.{}.attention", block);
  const auto kept = [&](const at::Tensor& part, const std::string& name) {
    return rounded(part, numbers.kv, cohort.rules, name, scale_named(cohort, name + "_scale"));
  };
  Heads split = rotated_heads(multiply(rms_norm(x_KRC, parameter(gain)), 0), heads, cohort.qk_norm);
  split.k_KBHTD = kept(split.k_KBHTD, attention + ".key");
  split.v_KBHTD = kept(split.v_KBHTD, attention + ".value");
  const at::Tensor attended =
      any_rounded(numbers.attention) ? rounded_attention(split, cohort, attention) : attend(split);
  const at::Tensor x = x_KRC + multiply(attended, 1);
  return x + multiply(swiglu(multiply(rms_norm(x, parameter(gain + 1)), 2)), 3);
}

at::Tensor seen_input(const Transformer& cohort, std::size_t parameter, const at::Tensor& x_RI) {
  const std::string& name = cohort.layout.parameters[parameter].name;
  const Rules& rules = cohort.rules[0];
  const Number& number = cohort.numbers.blocks.activations[0];
  if (!number.rounded) return x_RI;
  const Stream signs = rules.signs.child(name);
  const at::Tensor turned = rules.rotation > 0 ? quant::rotated(x_RI, rules.rotation, signs) : x_RI.contiguous();
  quant::How how = how_forward(rules, name + ".inputs");
  if (const at::Tensor learned = scale_named(cohort, name + ".input_scale"); learned.defined())
    how.scale = learned[0].exp();
  const at::Tensor seen = quant::fake_quantized(turned, number, how);
  return rules.rotation > 0 ? quant::rotated_back(seen, rules.rotation, signs) : seen;
}

at::Tensor logits(const Transformer& cohort, const at::Tensor& tokens_BT) {
  const auto depth = static_cast<std::size_t>(cohort.shape.depth);
  const std::size_t gains = 4 * depth + 2;
  at::Tensor x = embed(cohort, tokens_BT);
  for (std::size_t block = 0; block < depth; ++block) x = through_block(cohort, x, tokens_BT.size(0), block);
  return linear(cohort, rms_norm(x, cohort.parameters[gains + 2 * depth]), gains - 1, cohort.numbers.head);
}

at::Tensor row_losses(const Transformer& cohort, const at::Tensor& tokens_BT1) {
  const std::int64_t length = tokens_BT1.size(1) - 1;
  const at::Tensor inputs = tokens_BT1.narrow(1, 0, length).contiguous();
  const at::Tensor targets = tokens_BT1.narrow(1, 1, length).contiguous().flatten();
  return cross_entropy(logits(cohort, inputs), targets);
}

}  // namespace vernier::model
