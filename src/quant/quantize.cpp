#include "quant/quantize.h"

#include <torch/torch.h>

#include <algorithm>

#include "quant/cpu/round.h"

namespace vernier::quant {

namespace {

void check(const at::Tensor& x_RC) {
  TORCH_CHECK(x_RC.dim() == 2 && x_RC.scalar_type() == at::kFloat && x_RC.is_contiguous(),
              "rounding expects a contiguous fp32 matrix, got ", x_RC.sizes(), " of ", x_RC.scalar_type());
}

cpu::Job job_of(const at::Tensor& x_RC, const Number& number) {
  cpu::Job job;
  job.x = x_RC.const_data_ptr<float>();
  job.rows = x_RC.size(0);
  job.columns = x_RC.size(1);
  job.group = number.granularity == Granularity::Block ? number.block : std::max<std::int64_t>(job.columns, 1);
  job.groups_per_row = number.granularity == Granularity::Block ? (job.columns + job.group - 1) / job.group : 1;
  return job;
}

at::Tensor scales_for(const cpu::Job& job, const Number& number) {
  if (number.scale == Scale::None) return {};
  if (number.granularity == Granularity::Tensor) return at::empty({1}, at::kFloat);
  return at::empty({job.rows, job.groups_per_row}, at::kFloat);
}

OnGrid on_cpu(const at::Tensor& x_RC, const Number& number, bool dequantize) {
  cpu::Job job = job_of(x_RC, number);
  OnGrid result{at::empty({job.rows, job.columns}, at::kFloat), scales_for(job, number)};
  job.out = result.grid.mutable_data_ptr<float>();
  if (result.scale.defined()) job.scales = result.scale.mutable_data_ptr<float>();
  job.dequantize = dequantize;
  cpu::round_matrix(job, number);
  return result;
}

struct StraightThrough : torch::autograd::Function<StraightThrough> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& x, const Number& number) {
    const at::Tensor x_RC = x.contiguous().view({-1, x.size(-1)});
    return fake_quantized(x_RC, number).view(x.sizes());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 torch::autograd::variable_list gradient) {
    return {gradient[0], at::Tensor()};
  }
};

}  // namespace

OnGrid onto_grid(const at::Tensor& x_RC, const Number& number) {
  check(x_RC);
  if (!number.rounded) return {x_RC, {}};
  return x_RC.is_cpu() ? on_cpu(x_RC, number, false) : onto_grid_composed(x_RC, number);
}

at::Tensor fake_quantized(const at::Tensor& x_RC, const Number& number) {
  check(x_RC);
  if (!number.rounded) return x_RC;
  if (x_RC.is_cpu()) return on_cpu(x_RC, number, true).grid;
  const OnGrid on_grid = onto_grid_composed(x_RC, number);
  return on_grid.scale.defined() ? on_grid.grid * scale_per_element(on_grid, number) : on_grid.grid;
}

at::Tensor straight_through(const at::Tensor& x, const Number& number) {
  if (!number.rounded || x.numel() == 0) return x;
  if (x.dim() == 0) return straight_through(x.view({1}), number).view(x.sizes());
  return StraightThrough::apply(x, number);
}

at::Tensor scale_per_element(const OnGrid& on_grid, const Number& number) {
  if (number.granularity != Granularity::Block || !on_grid.scale.defined()) return on_grid.scale;
  return on_grid.scale.repeat_interleave(number.block, 1).narrow(1, 0, on_grid.grid.size(1));
}

}  // namespace vernier::quant
