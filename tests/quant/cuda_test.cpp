// CUDA tensors give the bits that CPU tensors give.
#include "quant/estimator.h"
#include "quant/inputs.h"
#include "quant/quantize.h"
// last, as it says
#include "gpu.h"

using namespace vernier;
using namespace inputs;

namespace {

std::string compare(const at::Tensor& of_cuda, const at::Tensor& of_cpu, const Number& number, const char* what) {
  if (!of_cpu.defined()) return of_cuda.defined() ? number.text + what + ": defined" : "";
  return first_difference(of_cuda.cpu().to(at::kFloat), of_cpu.to(at::kFloat), number.text + what);
}

/// x_RC on the device, beginning `offset` elements after where an allocation does.
at::Tensor on_device(const at::Tensor& x_RC, std::int64_t offset) {
  const at::Tensor memory = at::empty({x_RC.numel() + offset}, x_RC.options().device(at::kCUDA));
  const at::Tensor moved = memory.narrow(0, offset, x_RC.numel()).view(x_RC.sizes());
  return moved.copy_(x_RC);
}

/// Everything that quant does to a matrix, on both devices; the first complaint.
std::string complaint(const at::Tensor& x_RC, const Number& number, std::int64_t offset = 0) {
  const at::Tensor on_cuda_RC = on_device(x_RC, offset);
  const bool scaled = number.scale != Scale::None;
  const quant::How stochastic{{Rounding::Stochastic, 91}, {}};
  std::string wrong;
  const auto check = [&](const char* what, auto work) {
    if (wrong.empty()) wrong = compare(work(on_cuda_RC), work(x_RC), number, what);
  };
  check(" grid", [&](const at::Tensor& x) { return quant::onto_grid(x, number).grid; });
  check(" scale", [&](const at::Tensor& x) { return quant::onto_grid(x, number).scale; });
  check(" scale alone", [&](const at::Tensor& x) { return quant::scales_of(x, number); });
  check(" values", [&](const at::Tensor& x) { return quant::fake_quantized(x, number); });
  check(" stochastic grid", [&](const at::Tensor& x) { return quant::onto_grid(x, number, stochastic).grid; });
  check(" stochastic values", [&](const at::Tensor& x) { return quant::fake_quantized(x, number, stochastic); });
  if (number.format.significand_bits <= 8)
    check(" bf16", [&](const at::Tensor& x) { return quant::onto_grid(x, number, {}, quant::Store::Bf16).grid; });
  const at::Tensor given = scaled ? quant::scales_of(x_RC, number) * 0.7F : at::Tensor();
  const at::Tensor gradient_RC = at::arange(1, x_RC.numel() + 1, x_RC.options()).view(x_RC.sizes());
  if (scaled) {
    check(" grid of a given scale", [&](const at::Tensor& x) {
      return quant::onto_grid(x, number, {stochastic.rounder, given.to(x.device())}).grid;
    });
    for (const Estimator estimator : {Estimator::Clipped, Estimator::Trust})
      check(" gradient", [&](const at::Tensor& x) {
        return quant::passed(gradient_RC.to(x.device()), x, given.to(x.device()), number, estimator);
      });
  }
  return wrong;
}

}  // namespace

TEST_CASE("CUDA rounds every value and tie of every format as a CPU does", "[quant][gpu]") {
  if (!has_device()) return;
  std::string wrong;
  for (const auto& format : all_formats()) {
    Number cast = parse_number(format.name);
    cast.scale = Scale::None;
    if (wrong.empty()) wrong = complaint(tensor_of(every_value_and_tie(format)), cast);
  }
  CHECK(wrong == "");
}

TEST_CASE("CUDA rounds for every granularity and scale rule as a CPU does", "[quant][gpu]") {
  if (!has_device()) return;
  std::string wrong;
  for (const Special special : {Special::None, Special::Nan, Special::Infinity})
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{9, 83}, {1, 1}, {5, 32}, {3, 7}, {6, 1200}}) {
      const at::Tensor x_RC = tensor_of(wild(rows, columns, static_cast<std::uint64_t>(rows), special));
      for (const auto& number : numbers_to_try())
        for (const std::int64_t offset : {0, 1})
          if (wrong.empty()) wrong = complaint(x_RC, number, offset);
    }
  CHECK(wrong == "");
}

TEST_CASE("CUDA reads keys from memory when it rounds", "[quant][gpu]") {
  if (!has_device()) return;
  const Number number = parse_number("int4/channel");
  const at::Tensor x_RC = tensor_of(wild(9, 83, 5, Special::None)).to(at::kCUDA);
  at::Tensor key = at::full({1}, 91, x_RC.options().dtype(at::kLong));
  const auto* key_at = reinterpret_cast<const std::uint64_t*>(key.const_data_ptr<std::int64_t>());
  const auto with = [&](const quant::Rounder& rounder) { return quant::onto_grid(x_RC, number, {rounder, {}}).grid; };
  CHECK(at::equal(with({Rounding::Stochastic, 0, key_at}), with({Rounding::Stochastic, 91})));
  key.fill_(92);
  CHECK(at::equal(with({Rounding::Stochastic, 0, key_at}), with({Rounding::Stochastic, 92})));
}

TEST_CASE("CUDA rounds large matrices and long groups as a CPU does", "[quant][gpu]") {
  if (!has_device()) return;
  std::string wrong;
  for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{300, 1111}, {130, 4096}, {70, 9004}, {3, 70001}})
    for (const auto* text : {"int4/tensor", "int8/channel", "e4m3/block32:e8m0", "e2m1/block16:e4m3", "bf16",
                             "int4/tensor:mse", "e4m3/tensor:rms", "int8/tensor:lsq", "int4/channel:mse",
                             "e2m1/token:rms", "e4m3/channel:lsq", "int4/block5000:mse", "int4/block5000"}) {
      const at::Tensor x_RC = tensor_of(wild(rows, columns, 5, Special::Nan));
      if (wrong.empty()) wrong = complaint(x_RC, parse_number(text));
    }
  CHECK(wrong == "");
}

TEST_CASE("CUDA rounds zeros and empty tensors as a CPU does", "[quant][gpu]") {
  if (!has_device()) return;
  std::string wrong;
  for (const auto& number : numbers_to_try())
    for (const auto& sizes : std::vector<std::vector<std::int64_t>>{{2, 3}, {4, 64}, {0, 4}, {3, 0}})
      if (wrong.empty()) wrong = complaint(at::zeros(sizes), number);
  CHECK(wrong == "");
}
