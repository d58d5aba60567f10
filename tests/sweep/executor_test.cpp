#include "sweep/executor.h"

#include <sys/wait.h>
#include <torch/torch.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "catch.h"
#include "record/recipe.h"
#include "sweep/trunk.h"

using namespace vernier;

namespace {

constexpr const char* kExperiment = R"(
name: tiny
corpus: {kind: oracle, vocab: 32}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 512}
validation_tokens: 512
grid:
  sizes: [{depth: 1, width: 16, heads: 1}]
  tokens: [2560, 5120]
  numbers: [{weights: fp32}, {weights: int4/channel, activations: int8/tensor, kv: int8/tensor}]
  seeds: [1]
)";

struct Scratch {
  std::filesystem::path folder;
  explicit Scratch(const std::string& name)
      : folder(std::filesystem::temp_directory_path() / ("vernier-sweep-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "experiment.yaml") << kExperiment;
  }
  ~Scratch() { std::filesystem::remove_all(folder); }
};

plan::Experiment planned(const Scratch& scratch, const std::vector<std::string>& set = {}) {
  return plan::read_experiment(scratch.folder, set);
}

sweep::Outcome execute(const plan::Experiment& experiment, const store::Store& store, const std::atomic<bool>& stop) {
  return sweep::execute(experiment, store, {at::kCPU, 1}, stop);
}

const std::atomic<bool> kGoOn = false;

std::vector<StoredRun> runs_in(const store::Store& store) {
  std::vector<store::Broken> broken;
  auto runs = store::read_runs(store.path(), broken);
  CHECK(broken.empty());
  return runs;
}

void check_same(const std::vector<StoredRun>& a, const std::vector<StoredRun>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].id == b[i].id);
    CHECK(a[i].record.loss_val == b[i].record.loss_val);
    CHECK(a[i].record.loss_train == b[i].record.loss_train);
    CHECK(a[i].curve.size() == b[i].curve.size());
  }
}

}  // namespace

TEST_CASE("a grid becomes runs in the store, and a second call trains nothing", "[sweep][fast]") {
  const Scratch scratch("grid");
  const auto p = planned(scratch);
  const auto store = store::open_store(scratch.folder / "runs");
  CHECK(execute(p, store, kGoOn).trained == 4);
  const auto runs = runs_in(store);
  REQUIRE(runs.size() == 4);
  for (const StoredRun& run : runs) {
    CHECK(run.record.status == "done");
    CHECK(*run.record.loss_val > *run.record.loss_floor);
    CHECK(run.curve.back().tokens == run.spec.tokens);
    CHECK(std::filesystem::exists(store.folder_of(run.id) / "checkpoint" / "model.safetensors"));
    CHECK(run.record.flops.total() ==
          training_flops_per_token(run.spec.shape).total() * static_cast<double>(run.spec.tokens));
  }
  CHECK(execute(p, store, kGoOn).trained == 0);
}

TEST_CASE("a branch from the trunk gives the loss of a separate run, bit for bit", "[sweep][fast]") {
  const Scratch scratch("branch");
  const auto together = store::open_store(scratch.folder / "together"),
             apart = store::open_store(scratch.folder / "apart");
  execute(planned(scratch), together, kGoOn);
  for (const char* tokens : {"[2560]", "[5120]"})
    execute(planned(scratch, {std::string("grid.tokens=") + tokens}), apart, kGoOn);
  check_same(runs_in(together), runs_in(apart));
}

TEST_CASE("a run removed from the store is trained again to the same loss", "[sweep][fast]") {
  const Scratch scratch("again");
  const auto p = planned(scratch);
  const auto store = store::open_store(scratch.folder / "runs");
  execute(p, store, kGoOn);
  const auto before = runs_in(store);
  std::filesystem::remove_all(store.folder_of(before[1].id));
  CHECK(execute(p, store, kGoOn).trained == 1);
  check_same(before, runs_in(store));
}

TEST_CASE("runs are quantized after training, and stored ones get the rows that they lack", "[sweep][fast]") {
  const Scratch scratch("ptq");
  const auto store = store::open_store(scratch.folder / "runs");
  const auto asking = [&](const char* what) {
    return planned(scratch, {"grid.tokens=[2560]", std::string("post_training=") + what});
  };
  execute(asking("{methods: [rtn], weights: [int3/channel], calibration: 8}"), store, kGoOn);
  const auto first = runs_in(store);
  REQUIRE(first.size() == 2);
  for (const StoredRun& run : first) {
    REQUIRE(run.post_trained.size() == 1);
    CHECK(*run.post_trained[0].delta == *run.post_trained[0].loss - *run.record.loss_val);
  }
  const auto more = asking("{methods: [rtn, gptq], weights: [int3/channel], calibration: 8}");
  const sweep::Outcome outcome = execute(more, store, kGoOn);
  CHECK((outcome.trained == 0 && outcome.post_trained == 2));
  for (const StoredRun& run : runs_in(store)) {
    REQUIRE(run.post_trained.size() == 2);
    CHECK(run.post_trained[1].method == "gptq");
  }
  CHECK(execute(more, store, kGoOn).post_trained == 0);
  const auto fresh = store::open_store(scratch.folder / "fresh");
  execute(more, fresh, kGoOn);  // at the branch point, from memory, as from the checkpoint
  const auto at_once = runs_in(fresh), later = runs_in(store);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t row = 0; row < 2; ++row)
      CHECK(at_once[i].post_trained[row].loss == later[i].post_trained[row].loss);
}

TEST_CASE("killed at any moment and continued equals never having stopped", "[sweep][slow]") {
  const Scratch scratch("kill");
  const std::vector<std::string> longer{"grid.tokens=[25600, 51200]"};
  const auto whole = store::open_store(scratch.folder / "whole"), killed = store::open_store(scratch.folder / "killed");
  execute(planned(scratch, longer), whole, kGoOn);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl(VERNIER_PROGRAM, VERNIER_PROGRAM, "run", (scratch.folder / "experiment.yaml").c_str(), "--device", "cpu",
              "--store", killed.path().c_str(), "--set", longer[0].c_str(), nullptr);
      ::_exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(700 + 400 * attempt));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  execute(planned(scratch, longer), killed, kGoOn);
  check_same(runs_in(whole), runs_in(killed));
}

TEST_CASE("the saved trunk is the trunk, curve and all", "[sweep][fast]") {
  const Scratch scratch("trunk");
  train::CohortState state;
  state.step = 12;
  state.members.push_back({at::randn({5}), at::randn({5}), at::rand({5}), {}, {{1, 128, 0.1, 3.25, {}, 0.5}}, 1.25, 3});
  state.members.push_back({at::randn({5}), at::randn({5}), at::rand({5}), 7, {}, 0, 0});
  state.members[0].last_rate = 0.25;
  state.members[0].last_norm = 1.5;
  sweep::save_trunk(scratch.folder, {"a", "b"}, state);
  const auto read = sweep::load_trunk(scratch.folder, {"b", "a"}, at::kCPU);
  REQUIRE(read);
  CHECK(read->step == 12);
  CHECK(at::equal(read->members[1].second_moment_P, state.members[0].second_moment_P));
  CHECK(read->members[1].curve[0].loss_train == 3.25);
  CHECK(read->members[1].loss_count == 3);
  CHECK(read->members[1].last_rate == 0.25);
  CHECK(read->members[1].last_norm == 1.5);
  CHECK(read->members[0].diverged_at == 7);
  CHECK(sweep::load_trunk(scratch.folder, {"b"}, at::kCPU)->members.size() == 1);
  CHECK(!sweep::load_trunk(scratch.folder, {"a", "c"}, at::kCPU));
  CHECK(!sweep::load_trunk(scratch.folder / "absent", {"a"}, at::kCPU));
}
