#include "quant/quantize.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/stream.h"
#include "catch.h"
#include "format/quantize_matrix.h"

using namespace vernier;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

at::Tensor tensor_of(const Matrix& x) { return torch::tensor(x.values).view({x.rows, x.columns}); }

/// Where two fp32 tensors differ in bits (all NaNs count as one); empty where they do not.
std::string first_difference(const at::Tensor& got, const at::Tensor& expected, const std::string& what) {
  if (got.sizes() != expected.sizes()) return what + ": shapes differ";
  const at::Tensor a = got.contiguous(), b = expected.contiguous();
  const float *x = a.const_data_ptr<float>(), *y = b.const_data_ptr<float>();
  for (std::int64_t i = 0; i < a.numel(); ++i)
    if (std::bit_cast<std::uint32_t>(x[i]) != std::bit_cast<std::uint32_t>(y[i]) &&
        !(std::isnan(x[i]) && std::isnan(y[i])))
      return fmt::format("{}: element {} is {:a}, expected {:a}", what, i, x[i], y[i]);
  return "";
}

/// Kernel, composed operations and scalar reference on one matrix; the first complaint.
std::string complaint(const Matrix& x, const Number& number) {
  const Quantized reference = quantized(x, number);
  Matrix values{x.rows, x.columns, {}};
  for (std::int64_t r = 0; r < x.rows; ++r)
    for (std::int64_t c = 0; c < x.columns; ++c) values.values.push_back(value_at(reference, r, c));
  const at::Tensor x_RC = tensor_of(x);
  const quant::OnGrid kernel = quant::onto_grid(x_RC, number), composed = quant::onto_grid_composed(x_RC, number);
  std::string wrong = first_difference(kernel.grid, tensor_of(reference.grid), number.text + " grid of the kernel");
  if (wrong.empty()) wrong = first_difference(composed.grid, kernel.grid, number.text + " grid, composed");
  if (wrong.empty())
    wrong = first_difference(quant::fake_quantized(x_RC, number), tensor_of(values), number.text + " values");
  if (!wrong.empty() || number.scale == Scale::None) return wrong;
  wrong =
      first_difference(kernel.scale.flatten(), torch::tensor(reference.scales), number.text + " scales of the kernel");
  if (wrong.empty()) wrong = first_difference(composed.scale, kernel.scale, number.text + " scales, composed");
  if (wrong.empty())
    wrong = first_difference(kernel.grid * quant::scale_per_element(kernel, number), tensor_of(values),
                             number.text + " product");
  return wrong;
}

/// Every value, every tie between two, and the two fp32 neighbours of each; huge and special values.
Matrix every_value_and_tie(const NumberFormat& format) {
  Matrix x;
  const auto add = [&](double value) {
    const auto middle = static_cast<float>(value);
    for (const float v : {middle, std::nextafter(middle, -kInf), std::nextafter(middle, kInf)}) x.values.push_back(v);
  };
  const auto values = values_of(format);
  for (std::size_t i = 0; i < values.size(); ++i) {
    add(values[i]);
    if (i > 0) add((values[i - 1] + values[i]) / 2);
  }
  for (const double bound : {format.lowest, format.largest}) {
    add(bound * 1.0001);
    add(bound * 1.5);
  }
  for (const float v :
       {0.0F, -0.0F, kInf, -kInf, kNan, -kNan, 0x1p-149F, -0x1p-149F, 0x1p-126F, std::numeric_limits<float>::max()})
    x.values.push_back(v);
  x.rows = 1;
  x.columns = static_cast<std::int64_t>(x.values.size());
  return x;
}

enum class Special { None, Nan, Infinity };

/// Rows whose magnitudes lie anywhere in fp32, with zeros, both signs, and what is asked for strewn in.
Matrix wild(std::int64_t rows, std::int64_t columns, std::uint64_t seed, Special special) {
  Matrix x{rows, columns, {}};
  const Stream root(seed), draws = root.child("values"), exponents = root.child("exponents"),
                           kinds = root.child("kinds");
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const auto counter = static_cast<std::uint64_t>(i), row = static_cast<std::uint64_t>(i / columns);
    const int exponent = static_cast<int>(exponents.below(276, row)) - 149;
    auto value = static_cast<float>(std::ldexp(draws.normals(counter)[0] / 8, exponent));
    const auto kind = kinds.below(64, counter);
    if (kind < 4) value = kind % 2 == 0 ? 0.0F : -0.0F;
    if (kind == 4 && special == Special::Nan) value = kNan;
    if (kind == 4 && special == Special::Infinity) value = -kInf;
    x.values.push_back(value);
  }
  return x;
}

std::vector<Number> numbers_to_try() {
  std::vector<Number> numbers;
  for (const auto* format : {"int2", "int4", "int8", "int16", "sint3", "ternary", "e4m3", "e5m2", "e3m2", "e2m3",
                             "e2m1", "e3m0", "e1m2", "e7m3", "e8m3", "e8m0", "bf16", "fp16"})
    for (const auto* granularity :
         {"tensor", "channel", "token", "block1", "block7", "block16", "block32", "block1000"})
      for (const auto& scale : kScales)
        if (scale.scale != Scale::E4m3 || std::string_view(granularity).starts_with("block"))
          numbers.push_back(parse_number(fmt::format("{}/{}:{}", format, granularity, scale.name)));
  for (const auto* cast : {"bf16", "fp16"}) numbers.push_back(parse_number(cast));
  return numbers;
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

TEST_CASE("tensor rounding equals the reference for every granularity and scale rule", "[quant][fast]") {
  std::string wrong;
  for (const Special special : {Special::None, Special::Nan, Special::Infinity})
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{9, 83}, {1, 1}, {5, 32}, {3, 7}}) {
      const Matrix x = wild(rows, columns, static_cast<std::uint64_t>(rows), special);
      for (const auto& number : numbers_to_try())
        if (wrong.empty()) wrong = complaint(x, number);
    }
  CHECK(wrong == "");
}

TEST_CASE("a matrix large enough for several threads equals the reference", "[quant][fast]") {
  const Matrix x = wild(70, 1111, 5, Special::Nan);
  for (const auto* number : {"int4/tensor", "int8/channel", "e4m3/block32:e8m0", "e2m1/block16:e4m3", "bf16"})
    CHECK(complaint(x, parse_number(number)) == "");
}

TEST_CASE("zeros, empty tensors and single elements are rounded like any other", "[quant][fast]") {
  for (const auto& number : numbers_to_try()) {
    CHECK(complaint({2, 3, {0.0F, -0.0F, 0.0F, 0.0F, 0.0F, -0.0F}}, number) == "");
    for (const auto& [rows, columns] : std::vector<std::pair<int, int>>{{0, 4}, {3, 0}}) {
      const at::Tensor empty = at::zeros({rows, columns});
      CHECK(quant::fake_quantized(empty, number).sizes() == empty.sizes());
      const auto kernel = quant::onto_grid(empty, number), composed = quant::onto_grid_composed(empty, number);
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
