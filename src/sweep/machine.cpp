#include "sweep/machine.h"

#include <ATen/DeviceAccelerator.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "base/error.h"

namespace vernier::sweep {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Seconds of one product, what the device still had to do before left out.
double seconds_of_product(const at::Tensor& a, const at::Tensor& b, at::Tensor& product) {
  const auto finish = [&] {
    if (a.is_cuda()) torch::cuda::synchronize(a.device().index());
  };
  finish();
  const auto begin = Clock::now();
  at::mm_out(product, a, b);
  finish();
  return seconds_since(begin);
}

/// Where nothing is known about memory, nothing is held back for lack of it.
constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();

std::int64_t free_memory(const Machine& machine) {
  if (machine.device.is_cpu()) return plan::memory_available().value_or(kUnknown);
  return static_cast<std::int64_t>(
      at::getDeviceAllocator(machine.device.type())->getMemoryInfo(machine.device.index()).first);
}

}  // namespace

Machine machine_named(const std::string& device) {
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (device == "cpu" || (device == "auto" && !at::hasCUDA())) return {at::kCPU, threads};
  if (device != "auto" && device != "cuda")
    throw Error(fmt::format("--device: '{}'; expected auto, cpu or cuda", device));
  if (!at::hasCUDA()) throw Error("--device: cuda is not available to this build of LibTorch; expected auto or cpu");
  return {at::Device(at::kCUDA, 0), threads};
}

plan::Resources resources_of(const Machine& machine) {
  return {free_memory(machine), machine.threads, !machine.device.is_cpu()};
}

plan::MachineName name_of(const Machine& machine) { return {plan::host_name(), machine.device.str(), machine.threads}; }

double matmul_peak(const Machine& machine, double seconds) {
  const std::int64_t side = machine.device.is_cpu() ? 1024 : 4096;
  at::set_num_threads(machine.threads);
  double best = std::numeric_limits<double>::infinity();
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor a = at::full({side, side}, 0.5, at::TensorOptions().dtype(type).device(machine.device));
    const at::Tensor b = a.clone();
    at::Tensor product = at::empty_like(a);
    best = std::min(best, seconds_of_product(a, b, product));
    for (const auto begin = Clock::now(); seconds_since(begin) < seconds / 2;)
      best = std::min(best, seconds_of_product(a, b, product));
  }
  return 2.0 * static_cast<double>(side * side * side) / best;
}

}  // namespace vernier::sweep
