#include "quant/estimator.h"

#include <torch/torch.h>

#include <cmath>

#include "format/scale_search.h"
#include "quant/cpu/round.h"
#include "quant/cuda/round.h"
#include "quant/tensor_job.h"

namespace vernier::quant {

namespace {

/// Sums over each group of a matrix whose elements belong to it row by row. Chunk by chunk, so that the order does not
/// depend on the number of threads.
at::Tensor group_sums(const at::Tensor& x_RC, const Number& number) {
  const auto chunked = [](const at::Tensor& x_GN) {
    const std::int64_t chunks = (x_GN.size(1) + kSumChunk - 1) / kSumChunk;
    const at::Tensor padded = at::constant_pad_nd(x_GN, {0, chunks * kSumChunk - x_GN.size(1)}, 0);
    return padded.view({x_GN.size(0), chunks, kSumChunk}).sum(2).sum(1);
  };
  if (number.granularity == Granularity::Tensor) return chunked(x_RC.reshape({1, -1}));
  if (number.granularity != Granularity::Block) return chunked(x_RC).unsqueeze(1);
  const std::int64_t blocks = (x_RC.size(1) + number.block - 1) / number.block;
  const at::Tensor padded = at::constant_pad_nd(x_RC, {0, blocks * number.block - x_RC.size(1)}, 0);
  return padded.view({x_RC.size(0), blocks, number.block}).sum(2);
}

struct StraightThrough : torch::autograd::Function<StraightThrough> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const Number& number,
                            How how, Estimator estimator, const std::optional<at::Tensor>& log_scale) {
    const at::Tensor x_RC = x.contiguous().view({-1, x.size(-1)});
    if (estimator == Estimator::Identity) return fake_quantized(x_RC, number, how).view(x.sizes());
    how.scale = log_scale ? log_scale->exp() : scales_of(x_RC, number);
    context->save_for_backward({x_RC, how.scale});
    context->saved_data["number"] = number.text;
    context->saved_data["estimator"] = static_cast<std::int64_t>(estimator);
    context->saved_data["learns"] = log_scale.has_value();
    return fake_quantized(x_RC, number, how).view(x.sizes());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradient) {
    const auto saved = context->get_saved_variables();
    if (saved.empty()) return {gradient[0], at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    const Number number = parse_number(context->saved_data["number"].toStringRef());
    const at::Tensor g_RC = gradient[0].contiguous().view(saved[0].sizes());
    const auto estimator = static_cast<Estimator>(context->saved_data["estimator"].toInt());
    const at::Tensor of_scale =
        context->saved_data["learns"].toBool() ? log_scale_gradient(g_RC, saved[0], saved[1], number) : at::Tensor();
    return {passed(g_RC, saved[0], saved[1], number, estimator).view(gradient[0].sizes()), at::Tensor(), at::Tensor(),
            at::Tensor(), of_scale};
  }
};

}  // namespace

at::Tensor passed(const at::Tensor& gradient_RC, const at::Tensor& x_RC, const at::Tensor& scale, const Number& number,
                  Estimator estimator) {
  if (estimator == Estimator::Identity || !number.rounded) return gradient_RC;
  const double margin = estimator == Estimator::Trust ? widest_step(number.format) / 2 : 0;
  const auto low = static_cast<float>(number.format.lowest - margin),
             high = static_cast<float>(number.format.largest + margin);
  const at::Tensor out = at::empty_like(gradient_RC);
  const Job job = tensor_job(x_RC, number, scale);
  const auto* from = gradient_RC.const_data_ptr<float>();
  auto* to = out.data_ptr<float>();
  x_RC.is_cuda() ? cuda::pass_within(job, from, low, high, to, x_RC.device().index())
                 : cpu::pass_within(job, from, low, high, to);
  return out;
}

at::Tensor log_scale_gradient(const at::Tensor& gradient_RC, const at::Tensor& x_RC, const at::Tensor& scale,
                              const Number& number) {
  const OnGrid on_grid = onto_grid(x_RC, number, {.rounder = {}, .scale = scale});
  const at::Tensor y = x_RC / scale_per_element(on_grid, number);
  const at::Tensor inside = (y >= number.format.lowest).logical_and(y <= number.format.largest);
  const at::Tensor moved = at::where(inside, on_grid.grid - y, on_grid.grid);
  const double elements = static_cast<double>(x_RC.numel()) / static_cast<double>(scale.numel());
  const double factor = 1 / std::sqrt(elements * number.format.largest);
  return (group_sums(gradient_RC * moved, number).view(scale.sizes()) * scale).mul_(factor);
}

at::Tensor straight_through(const at::Tensor& x, const Number& number, const How& how, Estimator estimator,
                            const at::Tensor& log_scale) {
  if (!number.rounded || x.numel() == 0) return x;
  if (x.dim() == 0) return straight_through(x.view({1}), number, how, estimator, log_scale).view(x.sizes());
  // autograd takes an optional tensor, but no undefined one
  return StraightThrough::apply(x, number, how, estimator,
                                log_scale.defined() ? std::optional(log_scale) : std::nullopt);
}

}  // namespace vernier::quant
