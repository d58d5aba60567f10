#include "train/optimizer.h"

#include <torch/torch.h>

#include <fstream>

#include "catch.h"
#include "record/archive.h"
#include "train/schedule.h"

using namespace vernier;

namespace {

/// Written by tests/verification/frozen/optimizers.py from torch's own optimisers and schedulers.
Json frozen() {
  std::ifstream file(std::string(VERNIER_SOURCE_DIR) + "/tests/verification/frozen/optimizers.json");
  return Json::parse(file);
}

/// As that script draws.
float draw(std::uint32_t stream, std::uint32_t index) {
  std::uint32_t x = index * 2654435761u + stream * 2246822519u + 374761393u;
  x = (x ^ (x >> 15)) * 3266489917u;
  x ^= x >> 13;
  return static_cast<float>(x >> 16) / 65536 - 0.5f;
}

at::Tensor draws(std::uint32_t stream, std::int64_t size) {
  at::Tensor values = at::empty({size});
  for (std::int64_t i = 0; i < size; ++i) values.data_ptr<float>()[i] = draw(stream, static_cast<std::uint32_t>(i));
  return values;
}

template <class T>
std::optional<T> value_in(const Json& row, const char* key) {
  return row.contains(key) ? std::optional(row[key].get<T>()) : std::nullopt;
}

TrainingSpec training_of(const Json& all, const Json& row) {
  const Json& t = all["training"];
  TrainingSpec spec{
      .beta1 = t["beta1"], .beta2 = t["beta2"], .epsilon = t["epsilon"], .weight_decay = t["weight_decay"]};
  spec.optimizer = value_in<std::string>(row, "optimizer");
  spec.momentum = value_in<double>(row, "momentum");
  spec.adjust_lr = value_in<std::string>(row, "adjust_lr");
  return spec;
}

model::Layout layout_of(const Json& all) {
  const Json& s = all["shape"];
  return model::layout_of(
      {},
      {.depth = s["depth"], .width = s["width"], .heads = s["heads"], .context = s["context"], .vocab = s["vocab"]});
}

/// One member's storage.
struct Storage {
  at::Tensor w, m, v, g;
  explicit Storage(std::int64_t size, std::uint32_t stream = 0, at::Device device = at::kCPU)
      : w(draws(stream, size).to(device)), m(at::zeros_like(w)), v(at::zeros_like(w)), g(at::zeros_like(w)) {}
};

TrainingSpec muon_spec() {
  TrainingSpec spec{.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1};
  spec.optimizer = "muon";
  spec.momentum = 0.95;
  return spec;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

void check_ten_steps(at::Device device) {
  const Json all = frozen();
  const model::Layout layout = layout_of(all);
  REQUIRE(all["optimizers"].size() == 4);
  for (const Json& row : all["optimizers"]) {
    INFO(row["optimizer"] << " " << row.value("adjust_lr", ""));
    Storage s(layout.size, 0, device);
    const std::vector<double> rates = all["rates"];
    for (std::uint32_t step = 1; step <= rates.size(); ++step) {
      s.g.copy_(draws(step, layout.size));
      train::optimise(training_of(all, row), layout, {rates[step - 1], all["gradient_factor"], step}, s.w, s.m, s.v,
                      s.g);
      CHECK(s.g.abs().max().item<double>() == 0);
    }
    const std::vector<double> expected = row["weights"];
    CHECK(largest_difference(s.w.cpu(), at::tensor(expected)) < 1e-6);
  }
}

}  // namespace

TEST_CASE("ten steps of every optimiser end where torch's end, to 1e-6", "[train][fast]") { check_ten_steps(at::kCPU); }

TEST_CASE("ten steps of every optimiser end there on a GPU too", "[train][gpu]") {
  if (!torch::cuda::is_available()) {
    WARN("SKIPPED: no CUDA device");
    return;
  }
  check_ten_steps(at::kCUDA);
}

TEST_CASE("every schedule gives the rates of torch's schedulers", "[train][fast]") {
  const Json all = frozen();
  REQUIRE(all["schedules"].size() == 6);
  for (const Json& row : all["schedules"]) {
    INFO(row["schedule"] << " to " << row.value("final_rate", -1.0));
    TrainingSpec spec{.cooldown = all["cooldown"]};
    spec.schedule = row["schedule"];
    spec.final_rate = value_in<double>(row, "final_rate");
    const std::vector<double> rates = row["rates"];
    REQUIRE(rates.size() == all["total"]);
    for (std::size_t step = 0; step < rates.size(); ++step)
      CHECK(std::abs(train::rate_at(spec, all["top"], static_cast<std::int64_t>(step), all["warmup"], all["total"]) -
                     rates[step]) < 1e-12);
  }
}

TEST_CASE("Muon makes the singular values of every matrix about one", "[train][fast]") {
  const at::Tensor x_MRC = draws(5, 3 * 16 * 40).view({3, 16, 40}) * 1e-3;
  const at::Tensor values = std::get<1>(at::linalg_svd(train::orthogonalised(x_MRC), false));
  CHECK(values.min().item<double>() > 0.6);
  CHECK(values.max().item<double>() < 1.25);
  CHECK(train::orthogonalised(at::zeros({1, 4, 4})).abs().max().item<double>() == 0);
}

TEST_CASE("Muon keeps no second moment of the matrices that it makes orthogonal", "[train][fast]") {
  const model::Layout layout = model::layout_of({}, {.depth = 2, .width = 8, .heads = 1, .context = 8, .vocab = 7});
  Storage s(layout.size);
  s.g.copy_(draws(1, layout.size));
  train::optimise(muon_spec(), layout, {0.01, 1, 1}, s.w, s.m, s.v, s.g);
  for (const model::Parameter& p : layout.parameters) {
    INFO(p.name);
    const bool in_block = p.role == model::Role::Attention || p.role == model::Role::Mlp;
    CHECK((s.v.narrow(0, p.offset, p.size()).abs().max().item<double>() == 0) == in_block);
    CHECK(s.m.narrow(0, p.offset, p.size()).abs().min().item<double>() > 0);
  }
}

TEST_CASE("members that take Muon's step together end where each ends alone", "[train][fast]") {
  const model::Layout layout = model::layout_of({}, {.depth = 2, .width = 8, .heads = 1, .context = 8, .vocab = 7});
  std::vector<Storage> together, alone;
  for (std::uint32_t k = 0; k < 3; ++k) together.emplace_back(layout.size, k), alone.emplace_back(layout.size, k);
  for (std::int64_t step = 1; step <= 5; ++step) {
    std::vector<train::MemberStep> members;
    for (std::uint32_t k = 0; k < 3; ++k) {
      const train::OptimizerStep its{0.01 * (k + 1), 0.5, step};
      for (auto* part : {&together[k], &alone[k]})
        part->g.copy_(draws(static_cast<std::uint32_t>(10 * step) + k, layout.size));
      members.push_back({its, {together[k].w, together[k].m, together[k].v, together[k].g}});
      train::optimise(muon_spec(), layout, its, alone[k].w, alone[k].m, alone[k].v, alone[k].g);
    }
    train::optimise(muon_spec(), layout, members);
  }
  for (std::size_t k = 0; k < 3; ++k) CHECK(largest_difference(together[k].w, alone[k].w) < 1e-6);
}
