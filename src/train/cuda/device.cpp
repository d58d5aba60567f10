#include "train/cuda/device.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <stdexcept>

#include "base/error.h"
#include "train/cuda/kernels.h"

namespace vernier::train::cuda {

void be_deterministic() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // what cuBLAS and ATen ask for
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

namespace {
void follow(const c10::Stream& second, const c10::Stream& first) {
  c10::Event done(at::kCUDA);
  done.record(first);
  done.block(second);
}
}  // namespace

void on_own_stream(const at::Device& device, const std::function<void()>& work) {
  static thread_local const auto own = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index());
  const auto current = c10::cuda::getCurrentCUDAStream(device.index());
  follow(own.unwrap(), current.unwrap());
  {
    const c10::cuda::CUDAStreamGuard guard(own);
    work();
  }
  follow(current.unwrap(), own.unwrap());
}

void finish(const Storages& storages, const Constants& constants, const StepMemory& memory, const at::Device& device) {
  const c10::cuda::CUDAGuard guard(device);
  try {
    finish_on_stream(storages, constants, memory, c10::cuda::getCurrentCUDAStream().stream());
  } catch (const std::runtime_error& error) {
    throw Failure(error.what());
  }
}

struct Recorded {
  at::cuda::CUDAGraph graph;
};

std::shared_ptr<Recorded> recorded(const std::function<void()>& step) {
  auto recording = std::make_shared<Recorded>();
  // Threads that compute the next batches may go on meanwhile: only what this stream is asked for is recorded.
  recording->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  try {
    step();
  } catch (...) {
    try {
      recording->graph.capture_end();  // the stream is usable again
    } catch (const std::exception&) {  // what went wrong first is what is said
    }
    cudaGetLastError();  // or the next kernel is blamed for it
    throw;
  }
  recording->graph.capture_end();
  return recording;
}

void replay(Recorded& step) { step.graph.replay(); }

}  // namespace vernier::train::cuda
