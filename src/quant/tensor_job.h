// From a tensor to what its kernel is told.
#pragma once

#include <ATen/core/Tensor.h>

#include "quant/job.h"

namespace vernier::quant {

/// The job on x_RC [R, C], fp32 and contiguous, with the given scales where they are defined; output, store and rounder
/// are the caller's to fill.
Job tensor_job(const at::Tensor& x_RC, const Number& number, const at::Tensor& scale);

}  // namespace vernier::quant
