// Stands in for the CUDA device where vernier was built without it.
#include "base/error.h"
#include "train/cuda/device.h"

namespace vernier::train::cuda {

namespace {
[[noreturn]] void refuse() {
  throw Error("--device: this build has no CUDA kernels; build it where nvcc is found, with a LibTorch that has CUDA");
}
}  // namespace

struct Recorded {};

void be_deterministic() { refuse(); }
void on_own_stream(const at::Device&, const std::function<void()>&) { refuse(); }
void finish(const Storages&, const Constants&, const StepMemory&, const at::Device&) { refuse(); }
std::shared_ptr<Recorded> recorded(const std::function<void()>&) { refuse(); }
void replay(Recorded&) { refuse(); }

}  // namespace vernier::train::cuda
