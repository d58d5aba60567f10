// The operations of a block as differentiable nodes over the CPU kernels; which nodes a tensor takes follows from its
// device.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "model/cpu/angles.h"
#include "model/cpu/kernels.h"
#include "model/cuda/operations.h"
#include "model/operations.h"

namespace vernier::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kRowsOfBlock = 256;  // fixed, so that sums over rows do not depend on the number of threads

/// Calls `work(first row, rows)` for blocks of rows, on the threads this thread may use.
template <class Work>
void over_row_blocks(std::int64_t rows, const Work& work) {
  const std::int64_t blocks = (rows + kRowsOfBlock - 1) / kRowsOfBlock;
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block)
      work(block * kRowsOfBlock, std::min(kRowsOfBlock, rows - block * kRowsOfBlock));
  });
}

const float* in(const at::Tensor& x) { return x.const_data_ptr<float>(); }
float* out(const at::Tensor& x) { return x.data_ptr<float>(); }

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain) {
    const auto members = x.size(0), rows = x.size(1), width = x.size(2);
    const at::Tensor input = x.contiguous(), y = at::empty_like(input), rms = at::empty({members, rows}, x.options());
    for (std::int64_t k = 0; k < members; ++k)
      over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
        const std::int64_t at = (k * rows + row) * width;
        cpu::rms_norm_forward(in(input) + at, in(gain) + k * gain.stride(0), out(y) + at, out(rms) + k * rows + row,
                              count, width);
      });
    context->save_for_backward({input, gain, rms});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &gain = saved[1], &rms = saved[2], g = gradients[0].contiguous();
    const auto members = x.size(0), rows = x.size(1), width = x.size(2);
    const std::int64_t blocks = (rows + kRowsOfBlock - 1) / kRowsOfBlock;
    const at::Tensor x_gradient = at::empty_like(x), partial = at::zeros({members, blocks, width}, x.options());
    for (std::int64_t k = 0; k < members; ++k)
      over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
        const std::int64_t at = (k * rows + row) * width;
        cpu::rms_norm_backward(in(g) + at, in(x) + at, in(gain) + k * gain.stride(0), in(rms) + k * rows + row, nullptr,
                               out(x_gradient) + at, out(partial) + (k * blocks + row / kRowsOfBlock) * width, count,
                               width);
      });
    return {x_gradient, partial.sum(1)};
  }
};

cpu::RowMoments* moments_in(const at::Tensor& moments_KR2) {
  static_assert(sizeof(cpu::RowMoments) == 2 * sizeof(float));
  return reinterpret_cast<cpu::RowMoments*>(out(moments_KR2));
}

struct LayerNorm : torch::autograd::Function<LayerNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain,
                            const at::Tensor& bias) {
    const auto members = x.size(0), rows = x.size(1), width = x.size(2);
    const at::Tensor input = x.contiguous(), y = at::empty_like(input),
                     moments = at::empty({members, rows, 2}, x.options());
    for (std::int64_t k = 0; k < members; ++k)
      over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
        const std::int64_t at = (k * rows + row) * width;
        cpu::layer_norm_forward(in(input) + at, in(gain) + k * gain.stride(0), in(bias) + k * bias.stride(0),
                                out(y) + at, moments_in(moments) + k * rows + row, count, width);
      });
    context->save_for_backward({input, gain, moments});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &gain = saved[1], &moments = saved[2], g = gradients[0].contiguous();
    const auto members = x.size(0), rows = x.size(1), width = x.size(2);
    const std::int64_t blocks = (rows + kRowsOfBlock - 1) / kRowsOfBlock;
    const at::Tensor x_gradient = at::empty_like(x), partial = at::zeros({members, blocks, 2, width}, x.options());
    for (std::int64_t k = 0; k < members; ++k)
      over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
        const std::int64_t at = (k * rows + row) * width;
        float* sums = out(partial) + 2 * (k * blocks + row / kRowsOfBlock) * width;
        cpu::layer_norm_backward(in(g) + at, in(x) + at, in(gain) + k * gain.stride(0),
                                 moments_in(moments) + k * rows + row, out(x_gradient) + at, sums, sums + width, count,
                                 width);
      });
    const at::Tensor sums = partial.sum(1);
    return {x_gradient, sums.select(1, 0), sums.select(1, 1)};
  }
};

struct SwiGlu : torch::autograd::Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    const at::Tensor x = gate_up.contiguous();
    const auto rows = x.size(0) * x.size(1), hidden = x.size(2) / 2;
    const at::Tensor y = at::empty({x.size(0), x.size(1), hidden}, x.options());
    over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
      cpu::swiglu_forward(in(x) + row * 2 * hidden, out(y) + row * hidden, count, hidden);
    });
    context->save_for_backward({x});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor x = context->get_saved_variables()[0], g = gradients[0].contiguous(),
                     x_gradient = at::empty_like(x);
    const auto rows = x.size(0) * x.size(1), hidden = x.size(2) / 2;
    over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
      cpu::swiglu_backward(in(g) + row * hidden, in(x) + row * 2 * hidden, out(x_gradient) + row * 2 * hidden, count,
                           hidden);
    });
    return {x_gradient};
  }
};

struct RotatedHeads : torch::autograd::Function<RotatedHeads> {
  /// Calls `work(sequence, view of one sequence)` for all sequences of all members.
  template <class Work>
  static void over_sequences(std::int64_t sequences, const HeadShape& s, bool qk_norm, const Work& work) {
    const auto [cosine, sine] = cpu::angles(s.context, s.width / 2);
    const cpu::HeadsView view{1, s.context, s.heads, s.width, in(cosine), in(sine), qk_norm};
    at::parallel_for(0, sequences, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t sequence = begin; sequence < end; ++sequence) work(sequence, view);
    });
  }
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv, std::int64_t batch, std::int64_t length,
                               std::int64_t heads, std::int64_t width, bool qk_norm) {
    const HeadShape s{batch, length, heads, width};
    const at::Tensor x = qkv.contiguous();
    const auto make = [&] { return at::empty({x.size(0), batch, heads, length, width}, x.options()); };
    const at::Tensor q = make(), k = make(), v = make();
    const std::int64_t size = length * heads * width;
    over_sequences(x.size(0) * batch, s, qk_norm, [&](std::int64_t i, const cpu::HeadsView& view) {
      cpu::heads_forward(in(x) + 3 * i * size, out(q) + i * size, out(k) + i * size, out(v) + i * size, view);
    });
    context->save_for_backward({x});
    context->saved_data["shape"] = std::vector<std::int64_t>{batch, length, heads, width, qk_norm};
    return {q, k, v};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor x = context->get_saved_variables()[0];
    const auto saved = context->saved_data["shape"].toIntVector();
    const HeadShape s{saved[0], saved[1], saved[2], saved[3]};
    const at::Tensor q = gradients[0].contiguous(), k = gradients[1].contiguous(), v = gradients[2].contiguous();
    const at::Tensor x_gradient = at::empty_like(x);
    const std::int64_t size = s.context * s.heads * s.width;
    over_sequences(x.size(0) * s.batch, s, saved[4] != 0, [&](std::int64_t i, const cpu::HeadsView& view) {
      cpu::heads_backward(in(q) + i * size, in(k) + i * size, in(v) + i * size, in(x) + 3 * i * size,
                          out(x_gradient) + 3 * i * size, view);
    });
    return {x_gradient, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& targets) {
    const at::Tensor x = logits.contiguous();
    const auto members = x.size(0), rows = x.size(1), vocab = x.size(2);
    const at::Tensor loss = at::empty({members, rows}, x.options()), log_sum = at::empty_like(loss);
    const auto* target = targets.const_data_ptr<std::int64_t>();
    for (std::int64_t k = 0; k < members; ++k)
      over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
        const std::int64_t at = k * rows + row;
        cpu::cross_entropy_forward(in(x) + at * vocab, target + row, out(loss) + at, out(log_sum) + at, count, vocab);
      });
    context->save_for_backward({x, targets, log_sum});
    return loss;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &targets = saved[1], &log_sum = saved[2], g = gradients[0].contiguous();
    const auto members = x.size(0), rows = x.size(1), vocab = x.size(2);
    const at::Tensor x_gradient = at::empty_like(x);
    const auto* target = targets.const_data_ptr<std::int64_t>();
    for (std::int64_t k = 0; k < members; ++k)
      over_row_blocks(rows, [&](std::int64_t row, std::int64_t count) {
        const std::int64_t at = k * rows + row;
        cpu::cross_entropy_backward(in(g) + at, in(x) + at * vocab, target + row, in(log_sum) + at,
                                    out(x_gradient) + at * vocab, count, vocab);
      });
    return {x_gradient, at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC) {
  if (x_KRC.is_cuda()) return cuda::rms_norm(x_KRC, gain_KC);
  return x_KRC.is_cpu() ? RmsNorm::apply(x_KRC, gain_KC) : composed::rms_norm(x_KRC, gain_KC);
}

at::Tensor layer_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC, const at::Tensor& bias_KC) {
  return x_KRC.is_cpu() ? LayerNorm::apply(x_KRC, gain_KC, bias_KC) : composed::layer_norm(x_KRC, gain_KC, bias_KC);
}

at::Tensor swiglu(const at::Tensor& gate_up_KRF) {
  if (gate_up_KRF.is_cuda()) return cuda::swiglu(gate_up_KRF);
  return gate_up_KRF.is_cpu() ? SwiGlu::apply(gate_up_KRF) : composed::swiglu(gate_up_KRF);
}

Heads rotated_heads(const at::Tensor& qkv_KRO, const HeadShape& shape, bool qk_norm) {
  if (qkv_KRO.is_cuda()) return cuda::rotated_heads(qkv_KRO, shape, qk_norm);
  if (!qkv_KRO.is_cpu()) return composed::rotated_heads(qkv_KRO, shape, qk_norm);
  const auto heads = RotatedHeads::apply(qkv_KRO, shape.batch, shape.context, shape.heads, shape.width, qk_norm);
  return {heads[0], heads[1], heads[2]};
}

at::Tensor cross_entropy(const at::Tensor& logits_KRV, const at::Tensor& targets_R) {
  if (logits_KRV.is_cuda()) return cuda::cross_entropy(logits_KRV, targets_R);
  return logits_KRV.is_cpu() ? CrossEntropy::apply(logits_KRV, targets_R)
                             : composed::cross_entropy(logits_KRV, targets_R);
}

at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R) {
  if (embedding_KVC.is_cuda()) return cuda::embedded(embedding_KVC, tokens_R);
  if (embedding_KVC.size(0) == 1) return at::embedding(embedding_KVC.squeeze(0), tokens_R).unsqueeze(0);
  return composed::embedded(embedding_KVC, tokens_R);
}

}  // namespace vernier::model
