#include "ptq/quantize.h"

#include <torch/torch.h>

#include <cmath>

#include "base/error.h"
#include "catch.h"
#include "ptq/trained.h"
#include "quant/quantize.h"

using namespace vernier;
using namespace vernier::ptq;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::vector<std::string> kMatrices{"blocks.0.attention.qkv", "blocks.0.attention.out", "blocks.0.mlp.gate_up",
                                         "blocks.0.mlp.down",      "blocks.1.attention.qkv", "blocks.1.attention.out",
                                         "blocks.1.mlp.gate_up",   "blocks.1.mlp.down"};

Options options(PtqMethod method, const std::string& weights) { return {method, parse_number(weights), {}}; }

bool in_block(const model::Parameter& p) { return p.role == model::Role::Attention || p.role == model::Role::Mlp; }

}  // namespace

TEST_CASE("only the matrices of the blocks are quantized, in order of use", "[ptq][fast]") {
  const Trained model = trained();
  const Calibration calibration = calibration_from(model.ground, 16);
  const at::Tensor before = model.checkpoint.cohort.parameters[1].clone();
  for (const PtqMethodRow& row : kPtqMethods) {
    CAPTURE(row.name);
    const QuantizedModel made = quantized_model(model.checkpoint, calibration, options(row.method, "int4/channel"), 1);
    std::vector<std::string> names;
    for (const LayerReport& layer : made.layers) names.push_back(layer.name);
    CHECK(names == kMatrices);
    const auto quantized = train::checkpoint_of(made.config, made.weights_P);
    for (std::size_t i = 0; i < quantized.cohort.parameters.size(); ++i) {
      const bool kept = at::equal(quantized.cohort.parameters[i], model.checkpoint.cohort.parameters[i]);
      CHECK(kept == !in_block(model.checkpoint.cohort.layout.parameters[i]));
    }
  }
  CHECK(at::equal(before, model.checkpoint.cohort.parameters[1]));
}

TEST_CASE("rounding to nearest after training gives the weights that rounding in training sees", "[ptq][fast]") {
  const Trained model = trained("int4/channel", "int8/tensor");
  const QuantizedModel made =
      quantized_model(model.checkpoint, calibration_from(model.ground, 8), options(PtqMethod::Rtn, "int4/channel"), 1);
  CHECK(made.config.numbers.weights == "fp32");
  CHECK(made.config.numbers.activations == "int8/tensor");
  const auto quantized = train::checkpoint_of(made.config, made.weights_P);
  for (std::size_t i = 1; i <= 8; ++i)
    CHECK(at::equal(
        quantized.cohort.parameters[i][0],
        quant::fake_quantized(model.checkpoint.cohort.parameters[i][0].contiguous(), parse_number("int4/channel"))));
  const auto loss = evaluated(model.ground, {{made.config.numbers, made.weights_P}})[0]->loss;
  CHECK(std::abs(loss - model.loss) < 1e-5);  // the same model, its products scaled before instead of after
}

TEST_CASE("no layer's error is above that of rounding to nearest", "[ptq][fast]") {
  const Trained model = trained("fp32", "int8/tensor");
  const Calibration calibration = calibration_from(model.ground, 32);
  for (const PtqMethodRow& row : kPtqMethods)
    for (const char* weights : {"int3/channel", "int4/block16", "e2m1/block32:e8m0", "ternary/tensor"}) {
      CAPTURE(row.name, weights);
      double error = 0, error_rtn = 0;
      for (const LayerReport& layer :
           quantized_model(model.checkpoint, calibration, options(row.method, weights), 1).layers) {
        CHECK(layer.error <= layer.error_rtn);
        CHECK(layer.damping.has_value() == (row.method == PtqMethod::Gptq));
        CHECK(layer.exponent.has_value() == (row.method == PtqMethod::Awq));
        error += layer.error;
        error_rtn += layer.error_rtn;
      }
      if (row.method == PtqMethod::Gptq) CHECK(error < 0.8 * error_rtn);
    }
}

TEST_CASE("later layers see what earlier ones became", "[ptq][fast]") {
  const Trained model = trained();
  const Calibration calibration = calibration_from(model.ground, 16);
  const auto coarse = quantized_model(model.checkpoint, calibration, options(PtqMethod::Rtn, "int2/channel"), 1);
  const auto by_gptq = quantized_model(model.checkpoint, calibration, options(PtqMethod::Gptq, "int2/channel"), 1);
  CHECK(coarse.layers[0].error_rtn == by_gptq.layers[0].error_rtn);  // both saw the embedding alone
  CHECK(coarse.layers[2].error_rtn != by_gptq.layers[2].error_rtn);
}

TEST_CASE("the result does not depend on the number of threads", "[ptq][fast]") {
  const Trained model = trained();
  const Calibration calibration = calibration_from(model.ground, 40);
  const auto made = [&](int threads) {
    return quantized_model(model.checkpoint, calibration, options(PtqMethod::Gptq, "int3/channel"), threads).weights_P;
  };
  CHECK(at::equal(made(2), made(1)));
}

TEST_CASE("a model whose activations are no numbers is a failure that names the layer", "[ptq][fast]") {
  const Trained model = trained();
  at::Tensor gain =
      model.checkpoint.cohort.parameters[model::index_of(model.checkpoint.cohort.layout, "blocks.1.mlp.norm")];
  gain.fill_(NAN);
  try {
    quantized_model(model.checkpoint, calibration_from(model.ground, 4), options(PtqMethod::Gptq, "int4/channel"), 1);
    FAIL("no failure");
  } catch (const Failure& failure) {
    CHECK_THAT(failure.what(), ContainsSubstring("blocks.1.mlp.gate_up"));
  }
}

TEST_CASE("models that learned scales or turn their operands are quantized like any other", "[ptq][fast]") {
  NumbersSpec learned, turned;
  learned.weights = "int8/channel:lsq";
  learned.activations = "int8/tensor:lsq";
  learned.estimator = "lsq";
  turned.activations = "int8/token";
  turned.rotation = "hadamard16";
  for (const NumbersSpec& numbers : {learned, turned}) {
    const Trained model = trained(numbers);
    for (const PtqMethodRow& row : kPtqMethods) {
      const QuantizedModel made =
          quantized_model(model.checkpoint, calibration_from(model.ground, 16), options(row.method, "int8/channel"), 1);
      const auto after = evaluated(model.ground, {{made.config.numbers, made.weights_P}});
      INFO(numbers.activations << " " << row.name);
      REQUIRE(after[0].has_value());
      CHECK(std::abs(after[0]->loss - model.loss) < 0.03);
    }
  }
}

TEST_CASE("the matrices of every recipe's blocks are quantized, and nothing else", "[ptq][fast]") {
  for (const Recipe& recipe : recipes()) {
    const Trained model = trained_by(recipe.name);
    const Calibration calibration = calibration_from(model.ground, 16);
    for (const PtqMethodRow& row : kPtqMethods) {
      CAPTURE(recipe.name, row.name);
      const QuantizedModel made =
          quantized_model(model.checkpoint, calibration, options(row.method, "int3/channel"), 1);
      CHECK(made.layers.size() == 2 * 4);
      const model::Layout& layout = model.checkpoint.cohort.layout;
      for (std::size_t i = 0; i < layout.parameters.size(); ++i) {
        const model::Parameter& p = layout.parameters[i];
        const bool in_block = p.role == model::Role::Attention || p.role == model::Role::Mlp;
        CHECK(at::equal(made.weights_P.narrow(0, p.offset, p.size()),
                        model.checkpoint.cohort.parameters[i].flatten()) != in_block);
      }
    }
  }
}
