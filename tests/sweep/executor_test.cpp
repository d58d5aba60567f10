#include "sweep/executor.h"

#include <torch/torch.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <thread>

#include "catch.h"
#include "plan/grid.h"
#include "record/archive.h"
#include "record/recipe.h"
#include "sweep/remainder.h"
#include "sweep/saved.h"
#include "sweep/wave.h"

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

/// The files of a run that must not differ between two executions, by their path.
std::map<std::string, std::string> contents(const store::Store& store) {
  std::map<std::string, std::string> files;
  for (const StoredRun& run : runs_in(store)) {
    StoredRun same = run;
    same.record.seconds = 0;
    same.record.threads = 0;
    files[run.id + " record"] = to_json(same.record).dump();
    for (const char* name : {"spec.yaml", "curve.csv", "checkpoint/model.safetensors", "checkpoint/config.json"})
      files[run.id + " " + name] = text_of_file((store.folder_of(run.id) / name).string());
  }
  return files;
}

void check_same_to_the_byte(const store::Store& a, const store::Store& b) {
  const auto one = contents(a), two = contents(b);
  REQUIRE(one.size() == two.size());
  for (const auto& [name, text] : one) {
    INFO(name);
    CHECK((two.contains(name) && two.at(name) == text));
  }
}

bool any_file_below(const std::filesystem::path& folder) {
  std::error_code absent;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, absent))
    if (entry.is_regular_file(absent) && entry.path().extension() == ".safetensors") return true;
  return false;
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
          training_flops_per_token({}, run.spec.shape).total() * static_cast<double>(run.spec.tokens));
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

TEST_CASE("records and checkpoints do not depend on how many members are trained at the same time", "[sweep][fast]") {
  const Scratch scratch("waves");
  const std::vector<std::string> eight{
      "grid.tokens=[1280, 2560]", "grid.seeds=[1, 2]",
      "grid.numbers=[{weights: fp32}, {weights: int4/channel, activations: int8/tensor}, {weights: e4m3/tensor}, "
      "{weights: int3/channel, gradients: int8/token, rounding: stochastic}]"};
  const auto p = planned(scratch, eight);
  const auto store_of = [&](std::int64_t members) {
    const auto store = store::open_store(scratch.folder / std::to_string(members));
    CHECK(sweep::execute(p, store, {at::kCPU, 2}, kGoOn, {.members_at_once = members}).trained == 16);
    return store;
  };
  const auto together = store_of(8);
  for (const std::int64_t members : {1, 2, 3}) check_same_to_the_byte(together, store_of(members));
}

TEST_CASE("a trunk saved in one wave is continued in smaller ones", "[sweep][fast]") {
  const Scratch scratch("smaller");
  const auto whole = store::open_store(scratch.folder / "whole"), cut = store::open_store(scratch.folder / "cut");
  const auto p = planned(scratch);
  execute(p, whole, kGoOn);
  std::atomic<bool> stop = false;
  std::jthread stopper([&] {
    while (!any_file_below(cut.path() / ".trunks")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop = true;
  });
  CHECK_THROWS_AS(sweep::execute(p, cut, {at::kCPU, 1}, stop, {.save_every = 0, .members_at_once = 2}), Interrupted);
  CHECK(sweep::execute(p, cut, {at::kCPU, 1}, kGoOn, {.members_at_once = 1}).trained > 0);
  check_same_to_the_byte(whole, cut);
  CHECK(!any_file_below(cut.path() / ".trunks"));
}

TEST_CASE("what a killed process left of a run is removed by the next that holds its cohort", "[sweep][fast]") {
  const Scratch scratch("leftovers");
  const auto p = planned(scratch, {"grid.tokens=[2560]"});
  const auto store = store::open_store(scratch.folder / "runs");
  const auto cohorts = plan::cohorts_of(plan::runs_of(p), p.corpus_digest);
  const auto left = store.path() / (".partial-" + cohorts[0].runs[0][0]->id + "-1"),
             other = store.path() / ".partial-x-1";
  std::filesystem::create_directories(left / "checkpoint");
  std::filesystem::create_directories(other);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  execute(p, store, kGoOn);
  CHECK(!std::filesystem::exists(left));
  CHECK(std::filesystem::exists(other));
}

TEST_CASE("the seconds before a stop are in the record, and those of all runs sum up", "[sweep][fast]") {
  const Scratch scratch("seconds");
  const auto p = planned(scratch);
  const auto store = store::open_store(scratch.folder / "runs");
  CHECK_THROWS_AS(sweep::execute(p, store, {at::kCPU, 1}, true, {.members_at_once = 2}), Interrupted);
  const auto cohort = plan::cohorts_of(plan::runs_of(p), p.corpus_digest).at(0);
  const sweep::SavedPlace trunk{sweep::states_folder(store, cohort), "trunk"};
  const auto names = sweep::trunk_names(cohort);
  auto saved = sweep::load(trunk, names, 1000, at::kCPU);
  REQUIRE(saved);
  for (double& seconds : saved->seconds) seconds += 1000;
  sweep::save(trunk, names, *saved);
  execute(p, store, kGoOn);
  double all = 0;
  for (const StoredRun& run : runs_in(store)) all += run.record.seconds;
  CHECK((all > 2000 && all < 2100));
}

TEST_CASE("a state that cannot be saved ends no run", "[sweep][fast]") {
  const Scratch scratch("unsaved");
  const auto store = store::open_store(scratch.folder / "runs");
  std::ofstream(store.path() / ".trunks") << "in the way";
  CHECK(execute(planned(scratch), store, kGoOn).trained == 4);
}

TEST_CASE("speeds are measured where the training is long enough for it, and remembered", "[sweep][fast]") {
  const Scratch scratch("speeds");
  const auto brief = store::open_store(scratch.folder / "brief"), longer = store::open_store(scratch.folder / "longer");
  execute(planned(scratch), brief, kGoOn);
  CHECK(!std::filesystem::exists(brief.path() / ".speeds"));
  execute(planned(scratch, {"grid.tokens=[128000]"}), longer, kGoOn);
  CHECK(std::filesystem::exists(longer.path() / ".speeds"));
}
