#include "quant/cuda/round.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <stdexcept>

#include "base/error.h"
#include "format/number_format.h"
#include "quant/cuda/kernels.h"

namespace vernier::quant::cuda {

namespace {

/// Calls `work(stream)` with the current stream of a device, which is the current one meanwhile.
template <class Work>
void on_stream_of(int device, const Work& work) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  try {
    work(c10::cuda::getCurrentCUDAStream().stream());
  } catch (const std::runtime_error& error) {
    throw Failure(error.what());
  }
}

}  // namespace

void round_matrix(const Job& job, int device) {
  static const Grid e4m3 = grid_of(format_named("e4m3"));
  on_stream_of(device, [&](cudaStream_t stream) { round_on_stream(job, e4m3, stream); });
}

void pass_within(const Job& job, const float* gradient, float low, float high, float* out, int device) {
  on_stream_of(device, [&](cudaStream_t stream) { pass_within_on_stream(job, gradient, low, high, out, stream); });
}

}  // namespace vernier::quant::cuda
