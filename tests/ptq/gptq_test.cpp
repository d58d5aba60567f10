#include "ptq/gptq.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "catch.h"
#include "ptq/sample.h"
#include "quant/quantize.h"

using namespace vernier;
using namespace vernier::ptq;
using Catch::Matchers::ContainsSubstring;

namespace {

using Row = std::vector<double>;
using Square = std::vector<Row>;

/// Gauss and Jordan, without pivots: H is positive definite.
Square inverse_of(Square a) {
  const std::size_t n = a.size();
  Square inverse(n, Row(n, 0.0));
  for (std::size_t i = 0; i < n; ++i) inverse[i][i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = a[i][i];
    for (std::size_t j = 0; j < n; ++j) {
      a[i][j] /= pivot;
      inverse[i][j] /= pivot;
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (k == i) continue;
      const double factor = a[k][i];
      for (std::size_t j = 0; j < n; ++j) {
        a[k][j] -= factor * a[i][j];
        inverse[k][j] -= factor * inverse[i][j];
      }
    }
  }
  return inverse;
}

Square square_of(const at::Tensor& h_II) {
  Square h(static_cast<std::size_t>(h_II.size(0)));
  for (std::size_t i = 0; i < h.size(); ++i)
    for (std::size_t j = 0; j < h.size(); ++j)
      h[i].push_back(h_II[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(j)].item<double>());
  return h;
}

/// Nearest value of an integer grid under a scale.
double nearest(double w, double scale, const NumberFormat& format) {
  return round_to_grid(static_cast<double>(static_cast<float>(w) / static_cast<float>(scale)), format) * scale;
}

/// Optimal Brain Quantization of one row in a given order, without any factorisation: after each column the inverse is
/// that of the H that is left (Frantar et al., arXiv 2208.11580, equations 4 and 5).
Row obq(Row w, Square inverse, const std::vector<std::size_t>& order, double scale, const NumberFormat& format) {
  Row w_hat(w.size(), 0.0);
  std::vector<bool> done(w.size(), false);
  for (const std::size_t i : order) {
    w_hat[i] = static_cast<double>(static_cast<float>(nearest(w[i], scale, format)));
    done[i] = true;
    const double step = (w[i] - w_hat[i]) / inverse[i][i];
    const Square before = inverse;
    for (std::size_t j = 0; j < w.size(); ++j) {
      if (!done[j]) w[j] -= step * before[i][j];
      for (std::size_t k = 0; k < w.size(); ++k) inverse[j][k] -= before[j][i] * before[i][k] / before[i][i];
    }
  }
  return w_hat;
}

std::vector<std::size_t> order_by(const Square& h, bool act_order) {
  std::vector<std::size_t> order(h.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (act_order)
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return h[a][a] > h[b][b]; });
  return order;
}

double row_error(const Row& w, const Row& w_hat, const Square& h) {
  double error = 0;
  for (std::size_t i = 0; i < w.size(); ++i)
    for (std::size_t j = 0; j < w.size(); ++j) error += (w[i] - w_hat[i]) * h[i][j] * (w[j] - w_hat[j]);
  return error;
}

Row row_of(const at::Tensor& w_OI, std::int64_t row) {
  Row values;
  for (std::int64_t i = 0; i < w_OI.size(1); ++i) values.push_back(static_cast<double>(w_OI[row][i].item<float>()));
  return values;
}

}  // namespace

TEST_CASE("gptq is optimal brain quantization in a fixed order, found without Cholesky", "[ptq][fast]") {
  const bool act_order = GENERATE(false, true);
  const Layer layer = sample_layer(12, 150);  // more columns than are updated together
  const Number number = parse_number("int3/channel");
  const at::Tensor scale = quant::scales_of(layer.w_OI, number);
  Square h = square_of(layer.inputs.second_II);
  const Square plain = h;
  double mean = 0;
  for (std::size_t i = 0; i < h.size(); ++i) mean += h[i][i] / static_cast<double>(h.size());
  for (std::size_t i = 0; i < h.size(); ++i) h[i][i] += 0.01 * mean;
  const Square inverse = inverse_of(h);
  const QuantizedLayer result = gptq(layer, number, {0.01, act_order});
  int from_nearest = 0;
  for (std::int64_t row = 0; row < 12; ++row) {
    const Row w = row_of(layer.w_OI, row);
    const auto s = static_cast<double>(scale[row][0].item<float>());
    Row expected = obq(w, inverse, order_by(plain, act_order), s, number.format), rounded;
    for (const double value : w) rounded.push_back(nearest(value, s, number.format));
    if (row_error(w, expected, plain) >= row_error(w, rounded, plain)) {
      expected = rounded;
      ++from_nearest;
    }
    const Row found = row_of(result.w_OI, row);
    for (std::size_t i = 0; i < w.size(); ++i) REQUIRE(std::abs(found[i] - expected[i]) < 1e-5 * s);
  }
  CHECK(result.rows_rtn == from_nearest);
  CHECK(from_nearest < 6);
  CHECK(result.damping == 0.01);
}

TEST_CASE("with uncorrelated inputs gptq is rounding to nearest, bit for bit", "[ptq][fast]") {
  const at::Tensor x = at::diag_embed(normals("sizes", 1, 40)[0] + 3);
  const Layer layer = layer_of(normals("weights", 16, 40), x);
  for (const std::string& text : kNumbers)
    for (const bool act_order : {false, true}) {
      CAPTURE(text);
      const Number number = parse_number(text);
      CHECK(at::equal(gptq(layer, number, {0.01, act_order}).w_OI, rounded_to_nearest(layer, number).w_OI));
    }
}

TEST_CASE("gptq's error is never above that of rounding to nearest, and clearly below it where inputs correlate",
          "[ptq][fast]") {
  const Layer layer = sample_layer(64, 96);
  for (const std::string& text : kNumbers)
    for (const bool act_order : {false, true}) {
      CAPTURE(text, act_order);
      const Number number = parse_number(text);
      const QuantizedLayer spread = gptq(layer, number, {0.01, act_order}), plain = rounded_to_nearest(layer, number);
      CHECK((row_errors(layer, spread.w_OI) <= row_errors(layer, plain.w_OI)).all().item<bool>());
      CHECK(spread.error < 0.7 * plain.error);
    }
}

TEST_CASE("gptq's weights lie on the grid of the number, under the scales of the weights as trained", "[ptq][fast]") {
  const Layer layer = sample_layer(16, 40);
  for (const std::string& text : kNumbers) {
    CAPTURE(text);
    const Number number = parse_number(text);
    const at::Tensor scale = quant::scales_of(layer.w_OI, number), w_hat = gptq(layer, number, {}).w_OI;
    CHECK(at::equal(quant::fake_quantized(w_hat, number, {{}, scale}), w_hat));
    if (!scale.defined()) continue;
    const at::Tensor quotient = w_hat / quant::scale_per_element({w_hat, scale}, number);
    for (std::int64_t i = 0; i < quotient.numel(); ++i) {
      const auto q = static_cast<double>(quotient.flatten()[i].item<float>());
      REQUIRE(std::abs(round_to_grid(q, number.format) - q) <= 1e-5 * std::abs(q));
    }
  }
}

TEST_CASE("an input that calibration never saw is rounded to nearest and touches no other", "[ptq][fast]") {
  at::Tensor x = correlated(200, 40).clone();
  x.select(1, 5).zero_();
  x.select(1, 17).zero_();
  const at::Tensor w = normals("weights", 16, 40);
  const Number number = parse_number("int3/channel");
  const QuantizedLayer result = gptq(layer_of(w, x), number, {});
  const at::Tensor nearest = quant::fake_quantized(w, number);
  for (const std::int64_t dead : {5, 17}) CHECK(at::equal(result.w_OI.select(1, dead), nearest.select(1, dead)));
  CHECK(result.damping == 0.01);
  const QuantizedLayer unseen = gptq(layer_of(w, at::zeros({10, 40})), number, {});
  CHECK(at::equal(unseen.w_OI, nearest));
  CHECK(unseen.rows_rtn == 16);
  CHECK(!unseen.damping);
}

TEST_CASE("where the moments cannot be factorised the damping grows, and the result says so", "[ptq][fast]") {
  const Layer few = layer_of(normals("weights", 8, 40), correlated(6, 40));  // 6 tokens, 40 inputs: H is singular
  CHECK(gptq(few, parse_number("int4/channel"), {0.01, true}).damping == 0.01);
  Layer indefinite = sample_layer(8, 10);
  indefinite.inputs.second_II = at::eye(10, at::kDouble);
  indefinite.inputs.second_II[0][1] = indefinite.inputs.second_II[1][0] = 1.05;
  CHECK(std::abs(*gptq(indefinite, parse_number("int4/channel"), {0.01, true}).damping - 0.1) < 1e-12);
}

TEST_CASE("moments that cannot be used are a failure that names the layer", "[ptq][fast]") {
  const auto message = [](double value) {
    Layer layer = sample_layer(8, 10);
    layer.name = "blocks.3.mlp.down";
    layer.inputs.second_II = at::eye(10, at::kDouble);
    layer.inputs.second_II[0][1] = layer.inputs.second_II[1][0] = value;
    try {
      gptq(layer, parse_number("int4/channel"), {});
      return std::string();
    } catch (const Failure& failure) {
      return std::string(failure.what());
    }
  };
  CHECK_THAT(message(1e6), ContainsSubstring("blocks.3.mlp.down: the moments of its inputs could not be factorised") &&
                               ContainsSubstring("0.01, 0.1, 1, 10"));
  CHECK_THAT(message(std::numeric_limits<double>::infinity()),
             ContainsSubstring("blocks.3.mlp.down") && ContainsSubstring("not finite"));
}

TEST_CASE("gptq gives the same bits twice", "[ptq][fast]") {
  const Layer layer = sample_layer();
  const Number number = parse_number("e2m1/block16:e4m3");
  CHECK(at::equal(gptq(layer, number, {}).w_OI, gptq(layer, number, {}).w_OI));
}
