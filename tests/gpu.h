// For tests that need a GPU. After torch/torch.h and before catch.h.
#pragma once

#include <torch/torch.h>

#include "catch.h"

/// Whether there is a CUDA device; says so where there is none.
inline bool has_device() {
  if (torch::cuda::is_available()) return true;
  WARN("SKIPPED: no CUDA device");
  return false;
}
