// Stands in for the CUDA kernels where vernier was built without them.
#include "base/error.h"
#include "model/cuda/operations.h"

namespace vernier::model::cuda {

namespace {
[[noreturn]] void refuse() {
  throw Error("--device: this build has no CUDA kernels; build it where nvcc is found, with a LibTorch that has CUDA");
}
}  // namespace

at::Tensor rms_norm(const at::Tensor&, const at::Tensor&) { refuse(); }
at::Tensor swiglu(const at::Tensor&) { refuse(); }
Heads rotated_heads(const at::Tensor&, const HeadShape&, bool) { refuse(); }
at::Tensor cross_entropy(const at::Tensor&, const at::Tensor&) { refuse(); }
at::Tensor embedded(const at::Tensor&, const at::Tensor&) { refuse(); }

}  // namespace vernier::model::cuda
