// The CUDA kernels as differentiable nodes.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/torch.h>

#include <map>
#include <mutex>
#include <stdexcept>

#include "base/error.h"
#include "model/cuda/kernels.h"
#include "model/cuda/operations.h"

namespace vernier::model::cuda {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const float* in(const at::Tensor& x) { return x.const_data_ptr<float>(); }
float* out(const at::Tensor& x) { return x.data_ptr<float>(); }
Extent extent_of(const at::Tensor& x_KRC) { return {x_KRC.size(0), x_KRC.size(1), x_KRC.size(2)}; }

/// Calls `work(stream)` with the current stream of a tensor's device, which is the current one meanwhile.
template <class Work>
void on_stream_of(const at::Tensor& x, const Work& work) {
  const c10::cuda::CUDAGuard guard(x.device());
  try {
    work(c10::cuda::getCurrentCUDAStream().stream());
  } catch (const std::runtime_error& error) {
    throw Failure(error.what());
  }
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_KRC, const at::Tensor& gain_KC) {
    const at::Tensor x = x_KRC.contiguous(), y = at::empty_like(x),
                     rms = at::empty({x.size(0), x.size(1)}, x.options());
    on_stream_of(x, [&](cudaStream_t stream) {
      const Gain gain{in(gain_KC), gain_KC.stride(0)};
      rms_norm_forward(in(x), gain, static_cast<float>(kNormEpsilon), out(y), out(rms), extent_of(x), stream);
    });
    context->save_for_backward({x, gain_KC, rms});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &gain_KC = saved[1], &rms = saved[2], g = gradients[0].contiguous();
    const std::int64_t parts = (x.size(1) + kRowsOfPart - 1) / kRowsOfPart;
    const at::Tensor x_gradient = at::empty_like(x), gain_parts = at::empty({x.size(0), parts, x.size(2)}, x.options());
    on_stream_of(x, [&](cudaStream_t stream) {
      const Gain gain{in(gain_KC), gain_KC.stride(0)};
      rms_norm_backward(in(g), in(x), gain, in(rms), out(x_gradient), out(gain_parts), extent_of(x), stream);
    });
    return {x_gradient, gain_parts.sum(1)};
  }
};

struct SwiGlu : torch::autograd::Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    const at::Tensor x = gate_up.contiguous(), y = at::empty({x.size(0), x.size(1), x.size(2) / 2}, x.options());
    on_stream_of(x,
                 [&](cudaStream_t stream) { swiglu_forward(in(x), out(y), x.size(0) * x.size(1), y.size(2), stream); });
    context->save_for_backward({x});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor x = context->get_saved_variables()[0], g = gradients[0].contiguous(),
                     x_gradient = at::empty_like(x);
    on_stream_of(x, [&](cudaStream_t stream) {
      swiglu_backward(in(g), in(x), out(x_gradient), x.size(0) * x.size(1), g.size(2), stream);
    });
    return {x_gradient};
  }
};

/// Cosine and sine of every position and pair of channels [T, D / 2], copied to a device once per shape, as a step that
/// is captured may copy nothing from the host.
std::pair<at::Tensor, at::Tensor> angles(std::int64_t context, std::int64_t half, const at::Device& device) {
  static std::mutex mutex;
  static std::map<std::tuple<std::int64_t, std::int64_t, int>, std::pair<at::Tensor, at::Tensor>> known;
  const std::lock_guard lock(mutex);
  auto& entry = known[{context, half, device.index()}];
  if (!entry.first.defined()) {
    const auto rate = at::pow(kRotaryBase, -at::arange(half, at::kDouble) / static_cast<double>(half));
    const auto angle = at::arange(context, at::kDouble).unsqueeze(1) * rate;
    entry = {angle.cos().to(at::kFloat).to(device), angle.sin().to(at::kFloat).to(device)};
  }
  return entry;
}

struct RotatedHeads : torch::autograd::Function<RotatedHeads> {
  static HeadsOf heads_of(const at::Tensor& x, const std::vector<std::int64_t>& s,
                          const std::pair<at::Tensor, at::Tensor>& angles) {
    return {x.size(0) * s[0],
            s[1],
            s[2],
            s[3],
            in(angles.first),
            in(angles.second),
            s[4] != 0,
            static_cast<float>(kNormEpsilon)};
  }
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv,
                               const std::vector<std::int64_t>& shape) {
    const at::Tensor x = qkv.contiguous();
    const auto make = [&] { return at::empty({x.size(0), shape[0], shape[2], shape[1], shape[3]}, x.options()); };
    const at::Tensor q = make(), k = make(), v = make();
    const auto turns = angles(shape[1], shape[3] / 2, x.device());
    on_stream_of(x, [&](cudaStream_t stream) {
      heads_forward(in(x), out(q), out(k), out(v), heads_of(x, shape, turns), stream);
    });
    context->save_for_backward({x});
    context->saved_data["shape"] = shape;
    return {q, k, v};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor x = context->get_saved_variables()[0], x_gradient = at::empty_like(x);
    const auto shape = context->saved_data["shape"].toIntVector();
    const at::Tensor q = gradients[0].contiguous(), k = gradients[1].contiguous(), v = gradients[2].contiguous();
    const auto turns = angles(shape[1], shape[3] / 2, x.device());
    on_stream_of(x, [&](cudaStream_t stream) {
      heads_backward(in(q), in(k), in(v), in(x), out(x_gradient), heads_of(x, shape, turns), stream);
    });
    return {x_gradient, at::Tensor()};
  }
};

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& targets) {
    const at::Tensor x = logits.contiguous(), loss = at::empty({x.size(0), x.size(1)}, x.options()),
                     log_sum = at::empty_like(loss);
    on_stream_of(x, [&](cudaStream_t stream) {
      cross_entropy_forward(in(x), targets.const_data_ptr<std::int64_t>(), out(loss), out(log_sum), extent_of(x),
                            stream);
    });
    context->save_for_backward({x, targets, log_sum});
    context->saved_data["in_place"] = !logits.is_leaf() || !logits.is_same(x);
    return loss;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &targets = saved[1], &log_sum = saved[2], g = gradients[0].contiguous();
    const bool in_place = context->saved_data["in_place"].toBool();
    const at::Tensor x_gradient = in_place ? x.detach() : at::empty_like(x);
    on_stream_of(x, [&](cudaStream_t stream) {
      cross_entropy_backward(in(g), in(x), targets.const_data_ptr<std::int64_t>(), in(log_sum), out(x_gradient),
                             extent_of(x), stream);
    });
    if (in_place) x.unsafeGetTensorImpl()->bump_version();  // whoever saved the logits too is told
    return {x_gradient, at::Tensor()};
  }
};

struct Embedded : torch::autograd::Function<Embedded> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& embedding, const at::Tensor& tokens) {
    context->save_for_backward({tokens});
    context->saved_data["vocab"] = embedding.size(1);
    return embedding.index_select(1, tokens);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor tokens = context->get_saved_variables()[0], g = gradients[0].contiguous();
    const std::int64_t vocab = context->saved_data["vocab"].toInt();
    const auto [sorted, order] = at::sort(tokens, /*stable=*/true, 0, false);
    const at::Tensor first = at::searchsorted(sorted, at::arange(vocab + 1, tokens.options()));
    const at::Tensor gradient = at::empty({g.size(0), vocab, g.size(2)}, g.options());
    on_stream_of(g, [&](cudaStream_t stream) {
      const TokenOrder by_token{order.const_data_ptr<std::int64_t>(), first.const_data_ptr<std::int64_t>(), vocab};
      embedding_backward(in(g), by_token, out(gradient), extent_of(g), stream);
    });
    return {gradient, at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x_KRC, const at::Tensor& gain_KC) { return RmsNorm::apply(x_KRC, gain_KC); }

at::Tensor swiglu(const at::Tensor& gate_up_KRF) { return SwiGlu::apply(gate_up_KRF); }

Heads rotated_heads(const at::Tensor& qkv_KRO, const HeadShape& s, bool qk_norm) {
  const std::vector<std::int64_t> shape{s.batch, s.context, s.heads, s.width, qk_norm};
  const auto heads = RotatedHeads::apply(qkv_KRO, shape);
  return {heads[0], heads[1], heads[2]};
}

at::Tensor cross_entropy(const at::Tensor& logits_KRV, const at::Tensor& targets_R) {
  return CrossEntropy::apply(logits_KRV, targets_R);
}

at::Tensor embedded(const at::Tensor& embedding_KVC, const at::Tensor& tokens_R) {
  return Embedded::apply(embedding_KVC, tokens_R);
}

}  // namespace vernier::model::cuda
