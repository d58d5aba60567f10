#include "model/transformer.h"

#include <torch/torch.h>

#include <cmath>

#include "quant/quantize.h"

namespace vernier::model {

CohortNumbers cohort_numbers(const std::vector<NumbersSpec>& members) {
  CohortNumbers all;
  const Number plain = parse_number("fp32");
  for (const NumbersSpec& spec : members) {
    const Number gradients = parse_number(spec.gradients);
    all.blocks.weights.push_back(parse_number(spec.weights));
    all.blocks.activations.push_back(parse_number(spec.activations));
    all.blocks.gradients.push_back(gradients);
    all.embedding.weights.push_back(parse_number(spec.embedding));
    all.head.weights.push_back(parse_number(spec.head));
    all.head.activations.push_back(plain);
    all.head.gradients.push_back(plain);
    all.kv.push_back(parse_number(spec.kv));
    all.attention.push_back(parse_number(spec.attention));
  }
  return all;
}

std::vector<at::Tensor> views_of(const Layout& layout, const at::Tensor& storage_KP) {
  std::vector<at::Tensor> views;
  const std::int64_t members = storage_KP.size(0);
  for (const Parameter& p : layout.parameters) {
    const at::Tensor flat = storage_KP.narrow(1, p.offset, p.size());
    views.push_back(p.role == Role::Norm ? flat : flat.view({members, p.rows, p.columns}));
  }
  return views;
}

void initialise(const Layout& layout, const Recipe& recipe, const Stream& stream, at::Tensor storage_P) {
  std::vector<float> values(static_cast<std::size_t>(layout.size), 1.0f);
  for (const Parameter& p : layout.parameters) {
    if (p.role == Role::Norm) continue;
    const Stream own = stream.child(p.name);
    const double deviation =
        p.role == Role::Embedding ? recipe.embedding_deviation : 1 / std::sqrt(static_cast<double>(p.columns));
    for (std::int64_t i = 0; i < p.size(); ++i)
      values[static_cast<std::size_t>(p.offset + i)] = static_cast<float>(
          deviation * own.normals(static_cast<std::uint64_t>(i / 2))[static_cast<std::size_t>(i % 2)]);
  }
  storage_P.copy_(at::from_blob(values.data(), {layout.size}, at::kFloat));
}

namespace {

/// Rows of the embedding [K, V, C] that the tokens name.  tokens_R -> [K, R, C]
at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R) {
  if (embedding_KVC.size(0) == 1) return at::embedding(embedding_KVC.squeeze(0), tokens_R).unsqueeze(0);
  return embedding_KVC.index_select(1, tokens_R);
}

/// Attention whose operands are all rounded: queries, keys, probabilities and values.
at::Tensor rounded_attention(const Heads& heads, const MemberNumbers& numbers) {
  const auto q = rounded(heads.q_KBHTD, numbers), k = rounded(heads.k_KBHTD, numbers),
             v = rounded(heads.v_KBHTD, numbers);
  const std::int64_t length = q.size(3);
  const auto hidden = at::ones({length, length}, q.options().dtype(at::kBool)).triu(1);
  const auto scores = at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(4)));
  const auto weights = rounded(at::softmax(scores.masked_fill(hidden, -INFINITY), -1), numbers);
  return at::matmul(weights, v).transpose(2, 3).reshape({q.size(0), q.size(1) * length, -1});
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
  return embedded(rounded(cohort.parameters[0], cohort.numbers.embedding.weights), tokens_BT.flatten());
}

at::Tensor through_block(const Transformer& cohort, const at::Tensor& x_KRC, std::int64_t sequences, std::size_t block,
                         const Observer& observe) {
  const ShapeSpec& shape = cohort.shape;
  const HeadShape heads{sequences, x_KRC.size(1) / sequences, shape.heads, shape.width / shape.heads};
  const std::size_t matrix = 1 + 4 * block, gain = 4 * static_cast<std::size_t>(shape.depth) + 2 + 2 * block;
  const auto parameter = [&](std::size_t i) { return cohort.parameters[i]; };
  const auto linear = [&](const at::Tensor& input, std::size_t offset) {
    if (observe) observe(matrix + offset, input);
    return rounded_linear(input, parameter(matrix + offset), cohort.numbers.blocks);
  };
  Heads split = rotated_heads(linear(rms_norm(x_KRC, parameter(gain)), 0), heads, cohort.qk_norm);
  split.k_KBHTD = rounded(split.k_KBHTD, cohort.numbers.kv);
  split.v_KBHTD = rounded(split.v_KBHTD, cohort.numbers.kv);
  const at::Tensor x =
      x_KRC +
      linear(any_rounded(cohort.numbers.attention) ? rounded_attention(split, cohort.numbers.attention) : attend(split),
             1);
  return x + linear(swiglu(linear(rms_norm(x, parameter(gain + 1)), 2)), 3);
}

at::Tensor logits(const Transformer& cohort, const at::Tensor& tokens_BT) {
  const auto depth = static_cast<std::size_t>(cohort.shape.depth);
  const std::size_t gains = 4 * depth + 2;
  at::Tensor x = embed(cohort, tokens_BT);
  for (std::size_t block = 0; block < depth; ++block) x = through_block(cohort, x, tokens_BT.size(0), block);
  return rounded_linear(rms_norm(x, cohort.parameters[gains + 2 * depth]), cohort.parameters[gains - 1],
                        cohort.numbers.head);
}

at::Tensor row_losses(const Transformer& cohort, const at::Tensor& tokens_BT1) {
  const std::int64_t length = tokens_BT1.size(1) - 1;
  const at::Tensor inputs = tokens_BT1.narrow(1, 0, length).contiguous();
  const at::Tensor targets = tokens_BT1.narrow(1, 1, length).contiguous().flatten();
  return cross_entropy(logits(cohort, inputs), targets);
}

}  // namespace vernier::model
