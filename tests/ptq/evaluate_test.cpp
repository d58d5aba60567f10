#include "ptq/evaluate.h"

#include <torch/torch.h>

#include <cmath>

#include "catch.h"
#include "ptq/trained.h"

using namespace vernier;
using namespace vernier::ptq;

TEST_CASE("a model is evaluated to the loss that training recorded, bit for bit", "[ptq][fast]") {
  const Trained model = trained("int4/channel", "int8/tensor");
  const auto found = evaluated(
      model.ground, {{model.ground.spec.numbers, train::weights_of(model.checkpoint, model.ground.spec.numbers)}});
  CHECK(found[0]->loss == model.loss);
}

TEST_CASE("calibration reads the first sequences of training, as many as there are", "[ptq][fast]") {
  const Trained model = trained();
  const Calibration calibration = calibration_from(model.ground, 5);
  CHECK((calibration.tokens_ST.size(0) == 5 && calibration.tokens_ST.size(1) == 32));
  CHECK(calibration.batch == 4);
  std::vector<std::uint16_t> sequence(33);
  model.ground.corpus->train_sequence(3, 32, sequence.data());
  for (std::int64_t t = 0; t < 32; ++t)
    CHECK(calibration.tokens_ST[3][t].item<std::int64_t>() == sequence[static_cast<std::size_t>(t)]);
}

TEST_CASE("eight bits cost next to nothing, two bits a lot, and gptq least", "[ptq][fast]") {
  const Trained model = trained();
  const std::vector<PtqTask> tasks{{"rtn", "int8/channel"}, {"gptq", "int8/channel"}, {"awq", "int8/channel"},
                                   {"rtn", "int2/channel"}, {"gptq", "int2/channel"}, {"awq", "int2/channel"},
                                   {"gptq", "fp32"}};
  const auto rows = post_trained(model.ground, model.checkpoint, model.loss, tasks, 64);
  REQUIRE(rows.size() == tasks.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK((rows[i].method == tasks[i].method && rows[i].weights == tasks[i].weights));
    CHECK(*rows[i].delta == *rows[i].loss - model.loss);
    if (i < 3) CHECK(std::abs(*rows[i].delta) < 2e-3);
    if (i >= 3 && i < 6) CHECK(*rows[i].delta > 1e-3);
  }
  CHECK(*rows[4].delta < *rows[3].delta);
  CHECK(*rows[4].delta < *rows[5].delta);
  CHECK(*rows[6].delta == 0);
}

TEST_CASE("a model without a finite loss has a row without one", "[ptq][fast]") {
  const Trained model = trained();
  model.checkpoint.cohort.parameters.back().fill_(NAN);  // the final norm
  const auto rows = post_trained(model.ground, model.checkpoint, 1.0, {{"rtn", "int4/channel"}}, 4);
  CHECK(!rows[0].loss);
  CHECK(!rows[0].delta);
}
