// The steps of a GPU, taken on a CPU: everything but the recording.
#include "train/stacked.h"

#include <torch/torch.h>

#include <cmath>

#include "train/adam.h"
#include "train/cohort.h"
// last, as it says
#include "catch.h"

using namespace vernier;

namespace {

train::CohortSpec spec_with(const std::vector<train::Member>& members, double clip) {
  train::CohortSpec spec;
  spec.recipe = "2024-wsd";
  spec.shape = {.depth = 1, .width = 16, .heads = 2, .context = 32, .vocab = 32};
  spec.training = {.batch = 4,
                   .learning_rate = 0.01,
                   .warmup_tokens = 0,
                   .cooldown = 0.2,
                   .beta1 = 0.9,
                   .beta2 = 0.95,
                   .epsilon = 1e-8,
                   .weight_decay = 0.1,
                   .clip = clip};
  spec.validation_tokens = 512;
  spec.members = members;
  return spec;
}

/// A member whose numbers `change` sets.
template <class Change>
train::Member member(const Change& change, double rate = 0.01) {
  NumbersSpec numbers;
  change(numbers);
  return {numbers, rate, 1};
}
train::Member plain(double rate = 0.01) {
  return member([](NumbersSpec&) {}, rate);
}
train::Member stochastic() {
  return member([](NumbersSpec& n) {
    n.weights = "int4/channel";
    n.activations = n.kv = "int8/tensor";
    n.gradients = "e4m3/token";
    n.rounding = "stochastic";
  });
}

train::CohortTrainer trainer_of(const train::CohortSpec& spec) {
  CorpusSpec corpus;
  corpus.oracle.vocab = 32;
  return {spec, data::open_corpus(corpus), at::kCPU, 1};
}

train::CohortTrainer::Order until(std::int64_t step, std::size_t members) {
  return {step,
          [](const train::Member& m, std::int64_t s) { return m.learning_rate / (1 + 0.1 * static_cast<double>(s)); },
          std::vector<bool>(members, true),
          true,
          {}};
}

const std::atomic<bool> kGoOn = false;

struct Both {
  train::CohortState one_by_one, stacked;
};

/// The cohort trained to these steps, one call for each, both ways.
Both trained(const std::vector<train::Member>& members, const std::vector<std::int64_t>& calls, double clip = 1e9) {
  const auto trainer = trainer_of(spec_with(members, clip));
  Both both{trainer.initial_state(), trainer.initial_state()};
  for (const std::int64_t step : calls) {
    trainer.advance(both.one_by_one, until(step, members.size()), kGoOn);
    trainer.advance_stacked(both.stacked, until(step, members.size()), kGoOn);
  }
  return both;
}

double difference(const Both& both, std::size_t k) {
  return (both.one_by_one.members[k].weights_P - both.stacked.members[k].weights_P).abs().max().item<double>();
}

}  // namespace

TEST_CASE("the fused step's end clips and updates as one by one, bit for bit, for every member at once",
          "[train][fast]") {
  at::manual_seed(7);
  const std::int64_t members = 3, size = 20000, decayed = 15000;
  TrainingSpec training = spec_with({}, 1).training;
  at::Tensor w = at::randn({members, size}), m = at::randn({members, size}) * 0.1, v = at::rand({members, size}),
             g = at::randn({members, size}) * 0.02;
  g[1].mul_(0.01);  // not clipped
  g[2][17] = NAN;
  const at::Tensor before_w = w.clone(), before_m = m.clone(), before_v = v.clone(), before_g = g.clone();
  const std::vector<float> losses(3, 2.0F);
  const std::int64_t place = 0;
  std::vector<double> partials(6);
  std::vector<float> factors(3);
  std::vector<std::int32_t> active(3, 1);
  std::vector<train::cuda::Found> found(3);
  const std::vector<train::cuda::Rates> rates(3, train::rates_of(training, 0.01, 5));
  train::finish_step(
      {w.data_ptr<float>(), m.data_ptr<float>(), v.data_ptr<float>(), g.data_ptr<float>(), members, size, decayed},
      train::constants_of(training),
      {&place, rates.data(), losses.data(), partials.data(), factors.data(), active.data(), found.data()}, at::kCPU);
  for (const std::int64_t k : {0, 1}) {
    const double norm = before_g[k].to(at::kDouble).norm().item<double>();
    const auto at = static_cast<std::size_t>(k);
    CHECK(std::abs(found[at].norm - norm) < 1e-6 * norm);
    at::Tensor ww = before_w[k].clone(), mm = before_m[k].clone(), vv = before_v[k].clone(), gg = before_g[k].clone();
    const train::OptimizerStep step{0.01, static_cast<double>(factors[at]), 5};
    train::adam(training, step, train::Decay::Decoupled, {0, decayed}, {ww, mm, vv, gg});
    train::adam(training, step, train::Decay::None, {decayed, size}, {ww, mm, vv, gg});
    CHECK(at::equal(w[k], ww));
    CHECK(at::equal(m[k], mm));
    CHECK(at::equal(v[k], vv));
  }
  CHECK(factors[0] < 1);
  CHECK(factors[1] == 1);
  CHECK(active == std::vector<std::int32_t>{1, 1, 0});
  CHECK(at::equal(w[2], before_w[2]));
}

TEST_CASE("stacked members learn what they learn one by one, over chunks and calls", "[train][fast]") {
  const auto learned = member([](NumbersSpec& n) { n.weights = n.activations = "int4/tensor:lsq"; });
  const auto rotated = member([](NumbersSpec& n) {
    n.weights = n.activations = "int4/channel";
    n.gradients = "e4m3/token";
    n.rotation = "hadamard16";
  });
  const std::vector<train::Member> members{plain(), stochastic(), plain(0.003), learned, rotated};
  const Both both = trained(members, {1, 5, 45});
  for (std::size_t k = 0; k < members.size(); ++k) {
    INFO("member " << k);
    CHECK(difference(both, k) < 1e-6);
    const Curve &a = both.one_by_one.members[k].curve, &b = both.stacked.members[k].curve;
    REQUIRE(a.size() == b.size());
    CHECK(std::abs(a.back().loss_train - b.back().loss_train) < 1e-5);
    CHECK(std::abs(a.back().gradient_norm - b.back().gradient_norm) < 1e-4);
    CHECK(a.back().learning_rate == b.back().learning_rate);
  }
}

TEST_CASE("stacked members are clipped as they are one by one", "[train][fast]") {
  const Both both = trained({plain(), plain(0.003)}, {12}, 0.1);
  CHECK(difference(both, 0) < 1e-4);
  CHECK(difference(both, 1) < 1e-4);
}

TEST_CASE("a stacked member that diverges is left as it was, and touches no other", "[train][fast]") {
  const std::vector<train::Member> members{plain(), plain(1e30)};
  const Both both = trained(members, {40, 50});
  REQUIRE(both.stacked.members[1].diverged_at);
  CHECK(both.stacked.members[1].diverged_at == both.one_by_one.members[1].diverged_at);
  CHECK(both.stacked.members[1].curve.size() == both.one_by_one.members[1].curve.size());
  CHECK(!both.stacked.members[0].diverged_at);
  CHECK(difference(both, 0) < 1e-6);
}

TEST_CASE("repeated steps draw anew", "[train][fast]") {
  const Both both = trained({stochastic(), stochastic()}, {20});
  CHECK(at::equal(both.stacked.members[0].weights_P, both.stacked.members[1].weights_P));  // the same seed
  CHECK(difference(both, 0) < 1e-6);                                                       // keys of the right steps
}
