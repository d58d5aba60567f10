// What a training step asks of a CUDA device. No CUDA header, so that the host's side of it is tested on a CPU; without
// nvcc or a CUDA LibTorch cuda/absent.cpp stands in and says so.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "train/cuda/arithmetic.h"

namespace vernier::train::cuda {

/// Makes ATen choose algorithms that give the same bits every time, for the whole process.
void be_deterministic();

/// Calls `work` with a stream of its own as the device's current one, in order with what the current one does before
/// and after.
void on_own_stream(const at::Device& device, const std::function<void()>& work);

/// finish_on_stream (cuda/kernels.h) on the current stream of a device.
void finish(const Storages& storages, const Constants& constants, const StepMemory& memory, const at::Device& device);

/// What `step` asks of the device, recorded instead of done; it may not wait for the device. Throws what
/// it throws where something in it cannot be recorded.
struct Recorded;
std::shared_ptr<Recorded> recorded(const std::function<void()>& step);
void replay(Recorded& step);

}  // namespace vernier::train::cuda
