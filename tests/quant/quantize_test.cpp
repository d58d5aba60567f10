#include "quant/quantize.h"
#include "quant/estimator.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <cmath>

#include "base/stream.h"
#include "format/quantize_matrix.h"
#include "quant/inputs.h"
// last, as it says
#include "catch.h"

using namespace vernier;
using namespace inputs;

namespace {

/// Kernel, composed operations and scalar reference on one matrix; the first complaint.
std::string complaint(const Matrix& x, const Number& number) {
  const Quantized reference = quantized(x, number);
  Matrix values{x.rows, x.columns, {}};
  for (std::int64_t r = 0; r < x.rows; ++r)
    for (std::int64_t c = 0; c < x.columns; ++c) values.values.push_back(value_at(reference, r, c));
  const at::Tensor x_RC = tensor_of(x);
  const bool scaled = number.scale != Scale::None, composes = !needs_whole_group(number.scale);
  const quant::OnGrid kernel = quant::onto_grid(x_RC, number);
  const quant::OnGrid composed = composes ? quant::onto_grid_composed(x_RC, number) : kernel;
  std::string wrong;
  const auto compare = [&](const at::Tensor& got, const at::Tensor& expected, const char* what) {
    if (wrong.empty()) wrong = first_difference(got, expected, number.text + what);
  };
  if (scaled) compare(kernel.scale.flatten(), torch::tensor(reference.scales), " scales of the kernel");
  compare(kernel.grid, tensor_of(reference.grid), " grid of the kernel");
  compare(composed.grid, kernel.grid, " grid, composed");
  compare(quant::fake_quantized(x_RC, number), tensor_of(values), " values");
  if (number.format.significand_bits <= 8)
    compare(quant::onto_grid(x_RC, number, {}, quant::Store::Bf16).grid.to(at::kFloat), kernel.grid, " grid in bf16");
  if (!scaled) return wrong;
  compare(composed.scale, kernel.scale, " scales, composed");
  compare(quant::scales_of(x_RC, number), kernel.scale, " scales alone");
  compare(kernel.grid * quant::scale_per_element(kernel, number), tensor_of(values), " product");
  return wrong;
}

/// Stochastic rounding by the kernel and by the reference.
std::string stochastic_complaint(const Matrix& x, const Number& number, std::optional<float> scale = {}) {
  constexpr std::uint64_t kSeed = 12;
  const Quantized reference =
      quantized(x, number, {.axis = Axis::Rows, .scale = scale, .rounding = Rounding::Stochastic, .seed = kSeed});
  const quant::How how{{Rounding::Stochastic, Stream(kSeed).child("rounding").key()},
                       scale ? at::full({1}, *scale) : at::Tensor()};
  return first_difference(quant::onto_grid(tensor_of(x), number, how).grid, tensor_of(reference.grid),
                          number.text + " stochastic grid");
}

}  // namespace

TEST_CASE("tensor rounding equals scalar rounding on every value and tie of every format", "[quant][fast]") {
  std::string wrong;
  for (const auto& format : all_formats()) {
    Number cast = parse_number(format.name);
    cast.scale = Scale::None;
    if (wrong.empty()) wrong = complaint(every_value_and_tie(format), cast);
  }
  CHECK(wrong == "");
}

TEST_CASE("stochastic tensor rounding equals scalar rounding on every value and tie of every format", "[quant][fast]") {
  std::string wrong;
  for (const auto& format : all_formats()) {
    Number cast = parse_number(format.name);
    cast.scale = Scale::None;
    if (wrong.empty()) wrong = stochastic_complaint(every_value_and_tie(format), cast);
  }
  CHECK(wrong == "");
}

TEST_CASE("tensor rounding equals the reference for every granularity and scale rule", "[quant][fast]") {
  std::string wrong;
  for (const Special special : {Special::None, Special::Nan, Special::Infinity})
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{9, 83}, {1, 1}, {5, 32}, {3, 7}}) {
      const Matrix x = wild(rows, columns, static_cast<std::uint64_t>(rows), special);
      for (const auto& number : numbers_to_try()) {
        if (wrong.empty()) wrong = complaint(x, number);
        if (wrong.empty()) wrong = stochastic_complaint(x, number);
      }
    }
  CHECK(wrong == "");
}

TEST_CASE("a given scale replaces the rule, and infinities then stay where the format has one", "[quant][fast]") {
  const Matrix x = every_value_and_tie(format_named("e5m2"));
  for (const auto* text : {"int4/tensor", "e5m2/tensor", "e2m1/tensor:mse", "fp16/tensor"}) {
    const Number number = parse_number(text);
    for (const float scale : {1.0F, 0.37F, 0x1p-140F}) {
      const Quantized reference = quantized(x, number, {.scale = scale});
      const quant::OnGrid kernel = quant::onto_grid(tensor_of(x), number, {{}, at::full({1}, scale)});
      CHECK(first_difference(kernel.grid, tensor_of(reference.grid), text) == "");
      CHECK(stochastic_complaint(x, number, scale) == "");
    }
  }
  CHECK_THROWS(quant::onto_grid(at::zeros({2, 3}), parse_number("int4/channel"), {{}, at::ones({3})}));
}

TEST_CASE("a scale divides; its reciprocal would round differently", "[quant][fast]") {
  std::int64_t differ = 0;
  for (int i = 1; i < 2000; ++i) {  // x / s on a tie, s an ordinary number
    const float scale = 1.0F + static_cast<float>(i) / 2048, tie = 2.5F * scale;
    const at::Tensor by_kernel =
        quant::onto_grid(at::full({1, 1}, tie), parse_number("int4/tensor"), {{}, at::full({1}, scale)}).grid;
    CHECK(by_kernel.item<float>() == std::nearbyint(tie / scale));
    differ += std::nearbyint(tie * (1 / scale)) != std::nearbyint(tie / scale);
  }
  CHECK(differ > 20);
}

TEST_CASE("stochastic rounding is unbiased within five standard errors", "[quant][fast]") {
  constexpr std::int64_t kDraws = 200000;
  for (const auto* text : {"int4/tensor", "e2m1/tensor", "e4m3/tensor", "bf16/tensor"})
    for (const float y : {0.3F, -1.45F, 4.9F, 0.001F}) {
      const at::Tensor x = at::full({1, kDraws}, y);
      const quant::How how{{Rounding::Stochastic, 77}, at::ones({1})};
      const at::Tensor grid = quant::onto_grid(x, parse_number(text), how).grid.to(at::kDouble);
      const double mean = grid.mean().item<double>(), deviation = grid.std().item<double>();
      INFO(text << " " << y << " became " << mean << " on average");
      CHECK(std::abs(mean - static_cast<double>(y)) <= 5 * deviation / std::sqrt(kDraws) + 1e-12);
    }
}

TEST_CASE("stochastic draws depend on the key and the element alone", "[quant][fast]") {
  const Number number = parse_number("int4/tensor");
  const at::Tensor x = at::full({70, 1111}, 2.5F), one = at::ones({1});
  const auto rounded = [&](const at::Tensor& part, std::uint64_t key) {
    return quant::onto_grid(part, number, {{Rounding::Stochastic, key}, one}).grid;
  };
  const at::Tensor whole = rounded(x, 5);
  CHECK(at::equal(whole, rounded(x, 5)));
  const std::uint64_t key = 5;  // in memory, where it is read when the tensor is rounded
  CHECK(at::equal(whole, quant::onto_grid(x, number, {{Rounding::Stochastic, 0, &key}, one}).grid));
  CHECK_FALSE(at::equal(whole, rounded(x, 6)));
  CHECK(at::equal(whole.narrow(0, 0, 3), rounded(x.narrow(0, 0, 3).contiguous(), 5)));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  CHECK(at::equal(whole, rounded(x, 5)));
  at::set_num_threads(threads);
}

TEST_CASE("a matrix large enough for several threads equals the reference", "[quant][fast]") {
  const Matrix x = wild(70, 1111, 5, Special::Nan);
  for (const auto* number : {"int4/tensor", "int8/channel", "e4m3/block32:e8m0", "e2m1/block16:e4m3", "bf16",
                             "int4/tensor:mse", "e4m3/tensor:rms", "int8/tensor:lsq", "int4/channel:mse"}) {
    CHECK(complaint(x, parse_number(number)) == "");
    CHECK(stochastic_complaint(x, parse_number(number)) == "");
  }
}

TEST_CASE("zeros, empty tensors and single elements are rounded like any other", "[quant][fast]") {
  for (const auto& number : numbers_to_try()) {
    CHECK(complaint({2, 3, {0.0F, -0.0F, 0.0F, 0.0F, 0.0F, -0.0F}}, number) == "");
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{0, 4}, {3, 0}}) {
      const at::Tensor empty = at::zeros({rows, columns});
      CHECK(quant::fake_quantized(empty, number).sizes() == empty.sizes());
      const auto kernel = quant::onto_grid(empty, number);
      if (needs_whole_group(number.scale)) continue;
      const auto composed = quant::onto_grid_composed(empty, number);
      CHECK(kernel.scale.defined() == composed.scale.defined());
      if (kernel.scale.defined()) CHECK(first_difference(kernel.scale, composed.scale, "scale") == "");
    }
  }
}

TEST_CASE("scales have the stated shapes", "[quant][fast]") {
  const at::Tensor x_RC = at::randn({5, 40});
  CHECK(quant::onto_grid(x_RC, parse_number("int4/tensor")).scale.sizes() == at::IntArrayRef({1}));
  CHECK(quant::onto_grid(x_RC, parse_number("int4/channel")).scale.sizes() == at::IntArrayRef({5, 1}));
  CHECK(quant::onto_grid(x_RC, parse_number("int4/block32")).scale.sizes() == at::IntArrayRef({5, 2}));
  CHECK_FALSE(quant::onto_grid(x_RC, parse_number("bf16")).scale.defined());
  CHECK_FALSE(quant::onto_grid(x_RC, parse_number("fp32")).scale.defined());
}

TEST_CASE("bf16 and fp16 casts equal LibTorch's own on values in range", "[quant][fast]") {
  const at::Tensor x_RC = tensor_of(wild(64, 500, 11, Special::Nan));
  CHECK(first_difference(quant::fake_quantized(x_RC, parse_number("bf16")), x_RC.to(at::kBFloat16).to(at::kFloat),
                         "bf16") == "");
  const at::Tensor bounded = x_RC.clamp(-65504, 65504);
  CHECK(first_difference(quant::fake_quantized(bounded, parse_number("fp16")), bounded.to(at::kHalf).to(at::kFloat),
                         "fp16") == "");
}

TEST_CASE("fp32 is not rounded", "[quant][fast]") {
  const at::Tensor x_RC = at::randn({3, 4});
  CHECK(quant::fake_quantized(x_RC, parse_number("fp32")).is_same(x_RC));
  CHECK(quant::onto_grid(x_RC, parse_number("fp32")).grid.is_same(x_RC));
  CHECK(quant::straight_through(x_RC, parse_number("fp32")).is_same(x_RC));
}

TEST_CASE("the gradient passes straight through", "[quant][fast]") {
  for (const auto* text : {"int4/channel", "e4m3/tensor", "e2m1/block32:e8m0", "bf16"}) {
    const Number number = parse_number(text);
    const at::Tensor x = at::randn({2, 3, 40}).requires_grad_(), weight = at::randn({2, 3, 40});
    const at::Tensor y = quant::straight_through(x, number);
    CHECK(first_difference(y.detach().view({6, 40}), quant::fake_quantized(x.detach().view({6, 40}), number), text) ==
          "");
    (y * weight).sum().backward();
    CHECK(first_difference(x.grad(), weight, text) == "");
  }
}

TEST_CASE("straight-through takes any shape and stride", "[quant][fast]") {
  const Number number = parse_number("int4/channel");
  const at::Tensor x = at::randn({6, 8});
  CHECK(first_difference(quant::straight_through(x.t(), number), quant::fake_quantized(x.t().contiguous(), number),
                         "transposed") == "");
  CHECK(quant::straight_through(at::scalar_tensor(3.0F), number).dim() == 0);
  CHECK(quant::straight_through(at::zeros({0, 4}), number).sizes() == at::IntArrayRef({0, 4}));
}

TEST_CASE("rounding inside a parallel region gives the same bits", "[quant][fast]") {
  const Number number = parse_number("e2m1/block16:e4m3");
  const at::Tensor x_RC = at::randn({64, 512}), alone = quant::fake_quantized(x_RC, number);
  std::vector<at::Tensor> results(8);
  at::parallel_for(0, 8, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      results[static_cast<std::size_t>(i)] = quant::fake_quantized(x_RC, number);
  });
  for (const auto& result : results) CHECK(first_difference(result, alone, "parallel") == "");
}

TEST_CASE("a tensor that is no contiguous fp32 matrix is refused", "[quant][fast]") {
  const Number number = parse_number("int4");
  CHECK_THROWS(quant::onto_grid(at::zeros({4}), number));
  CHECK_THROWS(quant::onto_grid(at::zeros({4, 4}, at::kDouble), number));
  CHECK_THROWS(quant::onto_grid(at::zeros({4, 8}).t(), number));
}
