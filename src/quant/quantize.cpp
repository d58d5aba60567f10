#include "quant/quantize.h"

#include <torch/torch.h>

#include <algorithm>

#include "quant/cpu/round.h"
#include "quant/cuda/round.h"
#include "quant/tensor_job.h"

namespace vernier::quant {

namespace {

void check(const at::Tensor& x_RC) {
  TORCH_CHECK(x_RC.dim() == 2 && x_RC.scalar_type() == at::kFloat && x_RC.is_contiguous(),
              "rounding expects a contiguous fp32 matrix, got ", x_RC.sizes(), " of ", x_RC.scalar_type());
}

at::Tensor empty_scales(const Job& job, const at::Tensor& x_RC) {
  if (job.rule == Scale::None) return {};
  if (job.granularity == Granularity::Tensor) return at::empty({1}, x_RC.options());
  return at::empty({job.rows, job.groups_per_row}, x_RC.options());
}

void run(const Job& job, const at::Device& device) {
  device.is_cuda() ? cuda::round_matrix(job, device.index()) : cpu::round_matrix(job);
}

OnGrid rounded(const at::Tensor& x_RC, const Number& number, const How& how, Store store) {
  OnGrid result;
  result.grid = at::empty(x_RC.sizes(), x_RC.options().dtype(store == Store::Bf16 ? at::kBFloat16 : at::kFloat));
  Job job = tensor_job(x_RC, number, how.scale);
  result.scale = how.scale.defined() ? how.scale : empty_scales(job, x_RC);
  job.scales = result.scale.defined() ? result.scale.data_ptr<float>() : nullptr;
  job.out = result.grid.data_ptr();
  job.store = store;
  job.rounder = how.rounder;
  run(job, x_RC.device());
  return result;
}

}  // namespace

Job tensor_job(const at::Tensor& x_RC, const Number& number, const at::Tensor& scale) {
  Job job = job_for(number, x_RC.size(0), x_RC.size(1));
  job.x = x_RC.const_data_ptr<float>();
  if (!scale.defined()) return job;
  TORCH_CHECK(scale.scalar_type() == at::kFloat && scale.is_contiguous() && scale.numel() == job.groups() &&
                  scale.device() == x_RC.device(),
              "expected ", job.groups(), " contiguous fp32 scales beside the matrix, got ", scale.sizes(), " of ",
              scale.scalar_type());
  job.scales = scale.data_ptr<float>();
  job.scales_given = true;
  return job;
}

OnGrid onto_grid(const at::Tensor& x_RC, const Number& number, const How& how, Store store) {
  check(x_RC);
  if (!number.rounded) return {x_RC, {}};
  return rounded(x_RC, number, how, store);
}

void round_into(const OnGrid& out, const at::Tensor& x_RC, const Number& number, const Rounder& rounder) {
  check(x_RC);
  TORCH_CHECK(number.rounded && out.grid.sizes() == x_RC.sizes() && out.grid.is_contiguous(),
              "expected a rounded number and a contiguous output of ", x_RC.sizes(), ", got ", number.text, " and ",
              out.grid.sizes());
  Job job = tensor_job(x_RC, number, out.scale);
  job.scales_given = false;
  job.out = out.grid.data_ptr();
  job.store = out.grid.scalar_type() == at::kBFloat16 ? Store::Bf16 : Store::Grid;
  job.rounder = rounder;
  run(job, x_RC.device());
}

at::Tensor fake_quantized(const at::Tensor& x_RC, const Number& number, const How& how) {
  check(x_RC);
  if (!number.rounded) return x_RC;
  return rounded(x_RC, number, how, number.scale == Scale::None ? Store::Grid : Store::Value).grid;
}

at::Tensor scales_of(const at::Tensor& x_RC, const Number& number) {
  check(x_RC);
  if (!number.rounded || number.scale == Scale::None) return {};
  Job job = tensor_job(x_RC, number, {});
  const at::Tensor scale = empty_scales(job, x_RC);
  job.scales = scale.data_ptr<float>();
  run(job, x_RC.device());
  return scale;
}

at::Tensor scale_per_element(const OnGrid& on_grid, const Number& number) {
  if (number.granularity != Granularity::Block || !on_grid.scale.defined()) return on_grid.scale;
  return on_grid.scale.repeat_interleave(number.block, 1).narrow(1, 0, on_grid.grid.size(1));
}

}  // namespace vernier::quant
