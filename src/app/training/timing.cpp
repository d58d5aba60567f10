#include "app/training/timing.h"

#include <torch/torch.h>

namespace vernier::app {

void finish_work(const at::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

}  // namespace vernier::app
