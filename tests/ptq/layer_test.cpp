#include "ptq/layer.h"

#include <torch/torch.h>

#include "catch.h"
#include "ptq/sample.h"
#include "quant/quantize.h"

using namespace vernier;
using namespace vernier::ptq;

TEST_CASE("moments of the inputs do not depend on how the tokens were cut into pieces", "[ptq][fast]") {
  const at::Tensor x = correlated(50, 8);
  const Inputs whole = moments_of(x);
  Inputs pieces;
  for (const at::Tensor& piece : x.split(13)) merge(pieces, moments_of(piece));
  merge(pieces, {});
  CHECK(pieces.tokens == 50);
  CHECK(at::allclose(whole.second_II, pieces.second_II, 1e-12, 1e-14));
  CHECK(at::allclose(whole.mean_abs_I, pieces.mean_abs_I, 1e-12, 1e-14));
  CHECK(at::allclose(whole.second_II, at::mm(x.t().to(at::kDouble), x.to(at::kDouble)) / 50, 1e-12, 1e-14));
}

TEST_CASE("a row's error is the mean squared difference of its output over the calibration tokens", "[ptq][fast]") {
  const at::Tensor x = correlated(60, 10), w = normals("w", 4, 10), off = normals("off", 4, 10) * 0.1;
  const at::Tensor difference = at::mm(x.to(at::kDouble), off.to(at::kDouble).t());
  CHECK(at::allclose(row_errors(layer_of(w, x), w + off), difference.square().mean(0), 1e-5, 0));
}

TEST_CASE("rounding to nearest is what training's rounding gives, for any number", "[ptq][fast]") {
  const Layer layer = sample_layer();
  for (const std::string& text : kNumbers) {
    CAPTURE(text);
    const Number number = parse_number(text);
    const QuantizedLayer result = rounded_to_nearest(layer, number);
    CHECK(at::equal(result.w_OI, quant::fake_quantized(layer.w_OI, number)));
    CHECK(
        at::equal(result.w_OI, quant::fake_quantized(layer.w_OI, number, {{}, quant::scales_of(layer.w_OI, number)})));
    CHECK(result.error > 0);
  }
}
