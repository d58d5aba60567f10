#include "model/transformer.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "quant/hadamard.h"
#include "quant/quantize.h"

namespace vernier::model {

std::vector<at::Tensor> views_of(const Layout& layout, const at::Tensor& storage_KP) {
  std::vector<at::Tensor> views;
  const std::int64_t members = storage_KP.size(0);
  for (const Parameter& p : layout.parameters) {
    const at::Tensor flat = storage_KP.narrow(1, p.offset, p.size());
    views.push_back(is_vector(p.role) ? flat : flat.view({members, p.rows, p.columns}));
  }
  return views;
}

namespace {

/// ln of the rule's scales of a matrix, under the name that it is used by; a scale of 0 could not be learned.
void initialise_scale(const Layout& layout, const Parameter& matrix, const std::string& name, const std::string& number,
                      at::Tensor& storage_P) {
  const auto found = find(layout, name + ".weight_scale");
  if (!found || (name == "head" && matrix.name != name && find(layout, name))) return;
  const Parameter& scale = layout.parameters[*found];
  const at::Tensor weights = storage_P.narrow(0, matrix.offset, matrix.size()).view({matrix.rows, matrix.columns});
  const at::Tensor usual = at::full_like(weights, Deviation().of(matrix.columns));
  const at::Tensor scales = quant::scales_of(weights, parse_number(number));
  storage_P.narrow(0, scale.offset, scale.size())
      .copy_(at::where(scales > 0, scales, quant::scales_of(usual, parse_number(number))).flatten().log());
}

/// For every matrix that learns its own.
void initialise_scales(const Layout& layout, const NumbersSpec& numbers, at::Tensor& storage_P) {
  for (const Parameter& matrix : layout.parameters) {
    const std::string& number = matrix.role == Role::Head        ? numbers.head
                                : matrix.role == Role::Embedding ? numbers.embedding
                                                                 : numbers.weights;
    initialise_scale(layout, matrix, matrix.name, number, storage_P);
    if (matrix.name == "embedding") initialise_scale(layout, matrix, "head", numbers.head, storage_P);  // where tied
  }
}

}  // namespace

namespace {

bool writes_to_stream(const Parameter& p) { return p.name.ends_with("attention.out") || p.name.ends_with("mlp.down"); }

/// Of the matrix' initial weights; 0 where they are zero.
double deviation_of(const Parameter& p, const Initialisation& starts, double depth) {
  if (p.name == "positions") return starts.positions.value_or(Deviation()).of(p.columns);
  if (p.role == Role::Embedding) return starts.embedding.of(p.columns);
  if (p.role == Role::Head) return starts.head.value_or(Deviation()).of(p.columns);
  const double usual = starts.matrices.of(p.columns);
  if (!writes_to_stream(p) || starts.outputs == Outputs::Same) return usual;
  return starts.outputs == Outputs::Zero ? 0 : usual / std::sqrt(2 * depth);
}

double depth_of(const Layout& layout) {
  return static_cast<double>(std::count_if(layout.parameters.begin(), layout.parameters.end(),
                                           [](const Parameter& p) { return p.name.ends_with("attention.out"); }));
}

/// Biases of matrices and of norms.
bool begins_with_0(const Parameter& p) { return is_vector(p.role) && p.name.ends_with("_bias"); }

}  // namespace

void initialise(const Layout& layout, const Recipe& recipe, const NumbersSpec& numbers, const Stream& stream,
                at::Tensor storage_P) {
  std::vector<float> values(static_cast<std::size_t>(layout.size), 1.0f);
  for (const Parameter& p : layout.parameters) {
    float* first = values.data() + p.offset;
    if (begins_with_0(p)) std::fill_n(first, p.size(), 0.0f);
    if (is_vector(p.role)) continue;
    const Stream own = stream.child(p.name);
    const double deviation = deviation_of(p, recipe.initialisation, depth_of(layout));
    for (std::int64_t i = 0; i < p.size(); ++i)
      first[i] = static_cast<float>(deviation *
                                    own.normals(static_cast<std::uint64_t>(i / 2))[static_cast<std::size_t>(i % 2)]);
  }
  storage_P.copy_(at::from_blob(values.data(), {layout.size}, at::kFloat));
  initialise_scales(layout, numbers, storage_P);
}

namespace {

/// The parameter of this name; undefined where there is none.
at::Tensor parameter_named(const Transformer& cohort, const std::string& name) {
  const auto found = find(cohort.layout, name);
  return found ? cohort.parameters[*found] : at::Tensor();
}

/// Attention whose operands are all rounded: queries, keys, probabilities and values, each by rows of a head's channels
/// (probabilities by rows of positions). `name` is that of the block's attention.
at::Tensor rounded_attention(const Heads& heads, const Transformer& cohort, const std::string& name) {
  const auto operand = [&](const at::Tensor& x, const std::string& part) {
    const std::string full = name + "." + part + "_operand";
    return rounded(x, cohort.numbers.attention, cohort.rules, full, parameter_named(cohort, full + "_scale"));
  };
  const auto q = operand(heads.q_KBHTD, "query"), k = operand(heads.k_KBHTD, "key"),
             v = operand(heads.v_KBHTD, "value");
  const std::int64_t length = q.size(3);
  const auto hidden = at::ones({length, length}, q.options().dtype(at::kBool)).triu(1);
  const auto scores = at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(4)));
  const auto weights = operand(at::softmax(scores.masked_fill(hidden, -INFINITY), -1), "probability");
  return at::matmul(weights, v).transpose(2, 3).reshape({q.size(0), q.size(1) * length, -1});
}

at::Tensor linear(const Transformer& cohort, const at::Tensor& input, std::size_t matrix, const LinearNumbers& numbers,
                  const std::string& name) {
  const at::Tensor product =
      rounded_linear(input, cohort.parameters[matrix], numbers, cohort.rules, name,
                     {parameter_named(cohort, name + ".weight_scale"), parameter_named(cohort, name + ".input_scale")});
  const at::Tensor bias_KO = parameter_named(cohort, name + "_bias");
  return bias_KO.defined() ? product + bias_KO.unsqueeze(1) : product;
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

namespace {

at::Tensor rounded_embedding(const Transformer& cohort, const std::string& name) {
  return rounded(cohort.parameters[index_of(cohort.layout, name)], cohort.numbers.embedding.weights, cohort.rules, name,
                 parameter_named(cohort, name + ".weight_scale"));
}

/// What is added to every sequence, [K or 1, T, C].
at::Tensor positions_of(const Transformer& cohort, std::int64_t length) {
  if (cohort.architecture.positions == Positions::Learned)
    return rounded_embedding(cohort, "positions").narrow(1, 0, length);
  return sinusoids(cohort.shape.context, cohort.shape.width, cohort.parameters[0].device())
      .narrow(0, 0, length)
      .unsqueeze(0);
}

at::Tensor normed(const Transformer& cohort, const at::Tensor& x_KRC, const std::string& name) {
  const at::Tensor gain_KC = cohort.parameters[index_of(cohort.layout, name)];
  if (cohort.architecture.norm == Norm::Rms) return rms_norm(x_KRC, gain_KC);
  return layer_norm(x_KRC, gain_KC, cohort.parameters[index_of(cohort.layout, name + "_bias")]);
}

}  // namespace

at::Tensor embed(const Transformer& cohort, const at::Tensor& tokens_BT) {
  const Architecture& architecture = cohort.architecture;
  at::Tensor x_KRC = embedded(rounded_embedding(cohort, "embedding"), tokens_BT.flatten());
  if (architecture.embedding_scale == EmbeddingScale::SqrtWidth)
    x_KRC = x_KRC * std::sqrt(static_cast<double>(cohort.shape.width));
  if (architecture.positions == Positions::Rotary) return x_KRC;
  const at::Tensor x_KBTC = x_KRC.unflatten(1, tokens_BT.sizes());
  return (x_KBTC + positions_of(cohort, tokens_BT.size(1)).unsqueeze(1)).flatten(1, 2);
}

namespace {

/// The parts of one block, and who looks at them.
struct Block {
  const Transformer& cohort;
  std::string prefix;  ///< of the names of its parameters
  std::int64_t sequences;
  const Observer& observe;

  at::Tensor multiply(const at::Tensor& input, const std::string& part) const {
    const std::size_t matrix = index_of(cohort.layout, prefix + part);
    if (observe) observe(matrix, input);
    return linear(cohort, input, matrix, cohort.numbers.blocks, prefix + part);
  }

  at::Tensor kept(const at::Tensor& part, const std::string& name) const {
    return rounded(part, cohort.numbers.kv, cohort.rules, name, parameter_named(cohort, name + "_scale"));
  }

  Heads heads_of(const at::Tensor& qkv_KRO) const {
    const ShapeSpec& shape = cohort.shape;
    const Architecture& architecture = cohort.architecture;
    const HeadShape heads{sequences, qkv_KRO.size(1) / sequences, shape.heads, shape.width / shape.heads};
    Heads split = architecture.positions == Positions::Rotary ? rotated_heads(qkv_KRO, heads, architecture.qk_norm)
                                                              : plain_heads(qkv_KRO, heads, architecture.qk_norm);
    split.k_KBHTD = kept(split.k_KBHTD, prefix + "attention.key");
    split.v_KBHTD = kept(split.v_KBHTD, prefix + "attention.value");
    return split;
  }

  at::Tensor attention(const at::Tensor& x_KRC) const {
    const Heads heads = heads_of(multiply(x_KRC, "attention.qkv"));
    const bool rounds = any_rounded(cohort.numbers.attention);
    return multiply(rounds ? rounded_attention(heads, cohort, prefix + "attention") : attend(heads), "attention.out");
  }

  at::Tensor mlp(const at::Tensor& x_KRC) const {
    const Architecture& architecture = cohort.architecture;
    const at::Tensor wide = multiply(x_KRC, architecture.is_gated() ? "mlp.gate_up" : "mlp.up");
    return multiply(activated(wide, architecture.activation), "mlp.down");
  }
};

}  // namespace

at::Tensor through_block(const Transformer& cohort, const at::Tensor& x_KRC, std::int64_t sequences, std::size_t block,
                         const Observer& observe) {
  const Block b{cohort, fmt::format("blocks.{}.", block), sequences, observe};
  const auto norm = [&](const at::Tensor& x, const char* part) { return normed(cohort, x, b.prefix + part); };
  if (cohort.architecture.norm_placement == NormPlacement::Post) {
    const at::Tensor x = norm(x_KRC + b.attention(x_KRC), "attention.norm");
    return norm(x + b.mlp(x), "mlp.norm");
  }
  const at::Tensor x = x_KRC + b.attention(norm(x_KRC, "attention.norm"));
  return x + b.mlp(norm(x, "mlp.norm"));
}

at::Tensor seen_input(const Transformer& cohort, std::size_t parameter, const at::Tensor& x_RI) {
  const std::string& name = cohort.layout.parameters[parameter].name;
  const Rules& rules = cohort.rules[0];
  const Number& number = cohort.numbers.blocks.activations[0];
  if (!number.rounded) return x_RI;
  const Stream signs = rules.signs.child(name);
  const at::Tensor turned = rules.rotation > 0 ? quant::rotated(x_RI, rules.rotation, signs) : x_RI.contiguous();
  quant::How how = how_forward(rules, name + ".inputs");
  if (const at::Tensor learned = parameter_named(cohort, name + ".input_scale"); learned.defined())
    how.scale = learned[0].exp();
  const at::Tensor seen = quant::fake_quantized(turned, number, how);
  return rules.rotation > 0 ? quant::rotated_back(seen, rules.rotation, signs) : seen;
}

at::Tensor logits(const Transformer& cohort, const at::Tensor& tokens_BT) {
  const Architecture& architecture = cohort.architecture;
  at::Tensor x = embed(cohort, tokens_BT);
  for (std::size_t block = 0; block < static_cast<std::size_t>(cohort.shape.depth); ++block)
    x = through_block(cohort, x, tokens_BT.size(0), block);
  if (architecture.has_final_norm()) x = normed(cohort, x, "norm");
  const std::size_t matrix = index_of(cohort.layout, architecture.tied_head ? "embedding" : "head");
  const at::Tensor y_KRV = linear(cohort, x, matrix, cohort.numbers.head, "head");
  return architecture.logit_cap ? (y_KRV / *architecture.logit_cap).tanh() * *architecture.logit_cap : y_KRV;
}

at::Tensor row_losses(const Transformer& cohort, const at::Tensor& tokens_BT1) {
  const std::int64_t length = tokens_BT1.size(1) - 1;
  const at::Tensor inputs = tokens_BT1.narrow(1, 0, length).contiguous();
  const at::Tensor targets = tokens_BT1.narrow(1, 1, length).contiguous().flatten();
  return cross_entropy(logits(cohort, inputs), targets);
}

}  // namespace vernier::model
