// The machine that trains: its device, its threads, what it can do.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "plan/memory.h"
#include "plan/speeds.h"

namespace vernier::sweep {

struct Machine {
  at::Device device{at::kCPU};
  int threads = 1;
};

/// The device that --device names: auto takes CUDA where there is one. Throws Error where the device is absent.
Machine machine_named(const std::string& device);

/// Free memory of the device, and how many members it computes at one moment.
plan::Resources resources_of(const Machine& machine);

plan::MachineName name_of(const Machine& machine);

/// Best rate of a large square product, fp32 or bf16, whichever this machine forms faster [FLOP/s]; of as many as fit
/// into `seconds` after the first.
double matmul_peak(const Machine& machine, double seconds);

}  // namespace vernier::sweep
