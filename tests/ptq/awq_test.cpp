#include "ptq/awq.h"

#include <torch/torch.h>

#include "catch.h"
#include "ptq/sample.h"
#include "quant/quantize.h"

using namespace vernier;
using namespace vernier::ptq;

TEST_CASE("awq's error is never above that of rounding to nearest", "[ptq][fast]") {
  const Layer layer = sample_layer(64, 96);
  for (const std::string& text : kNumbers) {
    CAPTURE(text);
    const Number number = parse_number(text);
    const QuantizedLayer result = awq(layer, number);
    CHECK(result.error <= rounded_to_nearest(layer, number).error);
    CHECK(result.error == row_errors(layer, result.w_OI).sum().item<double>());
    CHECK((*result.exponent >= 0 && *result.exponent < 1));
  }
}

TEST_CASE("where one input is far larger than the rest awq gives its weights a finer grid", "[ptq][fast]") {
  at::Tensor x = normals("inputs", 300, 32);
  x.select(1, 9).mul_(30);
  at::Tensor w = normals("weights", 24, 32);
  w.select(1, 9).mul_(0.3);
  const Layer layer = layer_of(w, x);
  const Number number = parse_number("int4/channel");
  const QuantizedLayer result = awq(layer, number), plain = rounded_to_nearest(layer, number);
  CHECK(*result.exponent > 0);
  CHECK(result.error < 0.2 * plain.error);
  const auto off = [&](const QuantizedLayer& quantized) {
    return (quantized.w_OI - w).select(1, 9).abs().mean().item<double>();
  };
  CHECK(off(result) < 0.5 * off(plain));
}

TEST_CASE("awq's weights are values of the number over one scale per input", "[ptq][fast]") {
  const Layer layer = sample_layer(16, 40);
  const Number number = parse_number("int4/channel");
  const QuantizedLayer result = awq(layer, number);
  REQUIRE(*result.exponent > 0);
  const at::Tensor power = layer.inputs.mean_abs_I.pow(*result.exponent);
  const at::Tensor s = (power / (power.max() * power.min()).sqrt()).to(at::kFloat);
  const at::Tensor scaled = layer.w_OI * s;
  CHECK(at::allclose(result.w_OI * s, quant::fake_quantized(scaled.contiguous(), number), 1e-6, 1e-7));
}

TEST_CASE("inputs of one size, or none at all, leave nothing for awq to scale", "[ptq][fast]") {
  const at::Tensor w = normals("weights", 16, 12);
  const Number number = parse_number("int3/channel");
  for (const at::Tensor& x : {at::ones({9, 12}), at::zeros({9, 12})}) {
    const QuantizedLayer result = awq(layer_of(w, x), number);
    CHECK(*result.exponent == 0);
    CHECK(at::equal(result.w_OI, quant::fake_quantized(w, number)));
  }
}
