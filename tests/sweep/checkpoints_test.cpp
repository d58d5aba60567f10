#include "sweep/checkpoints.h"

#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "catch.h"
#include "plan/grid.h"
#include "record/archive.h"
#include "sweep/executor.h"
#include "sweep/remainder.h"
#include "sweep/saved.h"
#include "sweep/wave.h"
#include "train/schedule.h"

using namespace vernier;

namespace {

// A look costs (512 + 20 * 2 * 12) / 3 = 330 tokens of training, half of it is more than one step.
constexpr const char* kExperiment = R"(
name: looked at
corpus: {kind: oracle, vocab: 32}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 512}
validation_tokens: 512
cloze: {items: 20, choices: 2, answer: 2, prefix: 10}
grid:
  sizes: [{depth: 1, width: 16, heads: 1}]
  tokens: [2560, 5248, 8192]
  numbers: [{weights: fp32}, {weights: int4/channel, activations: int8/tensor, estimator: clipped}]
  seeds: [1]
)";

struct Scratch {
  std::filesystem::path folder;
  explicit Scratch(const std::string& name)
      : folder(std::filesystem::temp_directory_path() / ("vernier-looks-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "experiment.yaml") << kExperiment;
  }
  ~Scratch() { std::filesystem::remove_all(folder); }
};

plan::Experiment planned(const Scratch& scratch, const std::vector<std::string>& set = {}) {
  return plan::read_experiment(scratch.folder, set);
}

const std::atomic<bool> kGoOn = false;

sweep::Outcome execute(const plan::Experiment& experiment, const store::Store& store, int threads = 1,
                       std::int64_t members = 2) {
  return sweep::execute(experiment, store, {at::kCPU, threads}, kGoOn, {.members_at_once = members});
}

std::vector<StoredRun> runs_in(const store::Store& store) {
  std::vector<store::Broken> broken;
  auto runs = store::read_runs(store.path(), broken);
  CHECK(broken.empty());
  return runs;
}

/// The files of every run that must not differ between two executions.
std::map<std::string, std::string> contents(const store::Store& store) {
  std::map<std::string, std::string> files;
  for (const StoredRun& run : runs_in(store)) {
    StoredRun same = run;
    same.record.seconds = 0;
    same.record.threads = 0;
    same.record.set.clear();
    files[run.id + " record"] = to_json(same.record).dump();
    for (const char* name : {"curve.csv", "checkpoint/model.safetensors"})
      files[run.id + " " + name] = text_of_file((store.folder_of(run.id) / name).string());
  }
  return files;
}

void check_same(const store::Store& a, const store::Store& b, std::size_t runs = 6) {
  const auto one = contents(a), two = contents(b);
  CHECK(one.size() == 3 * runs);
  REQUIRE(one.size() == two.size());
  for (const auto& [name, text] : one) {
    INFO(name);
    CHECK((two.contains(name) && two.at(name) == text));
  }
}

std::vector<std::int64_t> looked_at(const StoredRun& run) {
  std::vector<std::int64_t> steps;
  for (const CurvePoint& point : run.curve) {
    CHECK(point.cloze.has_value() == point.loss_val.has_value());
    if (point.cloze) steps.push_back(point.step);
  }
  return steps;
}

/// Puts the row of this step as a stored run of these numbers has it into a curve.
void copy_row(const store::Store& store, const NumbersSpec& numbers, std::int64_t step, Curve& curve) {
  const auto at_step = [&](const CurvePoint& point) { return point.step == step; };
  for (const StoredRun& run : runs_in(store))
    if (run.spec.numbers == numbers)
      *std::find_if(curve.begin(), curve.end(), at_step) = *std::find_if(run.curve.begin(), run.curve.end(), at_step);
}

}  // namespace

TEST_CASE("looks come at powers of four, the first where training has cost half of one", "[sweep][fast]") {
  const Scratch scratch("steps");
  const auto p = planned(scratch);
  plan::Cohort cohort = plan::cohorts_of(plan::runs_of(p), p.corpus_digest).at(0);
  CHECK(sweep::next_look(cohort, 0) == 4);
  CHECK(sweep::next_look(cohort, 3) == 4);
  CHECK(sweep::next_look(cohort, 4) == 16);
  CHECK(sweep::next_look(cohort, 1000) == 1024);
  cohort.validation_tokens = 2 * 3 * 64 * 128 - 480;
  CHECK(sweep::next_look(cohort, 0) == 64);
  cohort.validation_tokens += 3;
  CHECK(sweep::next_look(cohort, 0) == 256);
  cohort.cloze.reset();
  CHECK_FALSE(sweep::next_look(cohort, 0));
}

TEST_CASE("a run has the results of its tasks, of its trunk at powers of four, and before its cool-down",
          "[sweep][fast]") {
  const Scratch scratch("rows");
  const auto store = store::open_store(scratch.folder / "runs");
  CHECK(execute(planned(scratch), store).trained == 6);
  const std::map<std::int64_t, std::vector<std::int64_t>> expected{
      {2560, {4, 16, 20}}, {5248, {4, 16, 33, 41}}, {8192, {4, 16, 51, 64}}};
  std::set<double> on_trunk;
  for (const StoredRun& run : runs_in(store)) {
    INFO(run.spec.tokens);
    CHECK(looked_at(run) == expected.at(run.spec.tokens));
    CHECK(run.spec.cloze == ClozeSpec{.items = 20, .choices = 2, .answer = 2, .prefix = 10});
    const TaskResult end = run.curve.back().cloze.value();
    CHECK(run.record.task_loss == end.loss);
    CHECK(run.record.task_loss_se == end.loss_se);
    CHECK(run.record.task_accuracy == end.accuracy);
    CHECK(run.record.task_accuracy_se == end.accuracy_se);
    CHECK(run.record.task_loss_floor < run.record.task_loss);
    CHECK((run.record.task_accuracy_ceiling > 0.5 && run.record.task_accuracy_ceiling <= 1));
    const auto row = std::find_if(run.curve.begin(), run.curve.end(), [](const auto& p) { return p.step == 4; });
    on_trunk.insert(row->cloze->loss);
    CHECK(*row->loss_val > *run.record.loss_val);
  }
  CHECK(on_trunk.size() == 2);  // that of a member is the same in all its runs
}

TEST_CASE("a run without tasks has neither results nor looks", "[sweep][fast]") {
  const Scratch scratch("without");
  std::ofstream(scratch.folder / "plain.yaml") << [] {
    std::string text = kExperiment;
    text.erase(text.find("cloze:"), text.find("grid:") - text.find("cloze:"));
    return text;
  }();
  const auto store = store::open_store(scratch.folder / "runs");
  execute(plan::read_experiment(scratch.folder / "plain.yaml"), store);
  for (const StoredRun& run : runs_in(store)) {
    CHECK(!run.record.task_loss);
    for (const CurvePoint& point : run.curve) CHECK(point.loss_val.has_value() == (&point == &run.curve.back()));
    const auto text = text_of_file((store.folder_of(run.id) / "curve.csv").string());
    CHECK(text.starts_with("step,tokens,learning_rate,loss_train,loss_val,gradient_norm\n"));
  }
}

TEST_CASE("under every schedule a run that shares its trunk is the run on its own, looks and all", "[sweep][fast]") {
  const std::string schedule = GENERATE("training.schedule=wsd", "training.cooldown=0", "training.schedule=cosine",
                                        "training.schedule=inverse-sqrt");
  INFO(schedule);
  const Scratch scratch("schedules");
  const auto together = store::open_store(scratch.folder / "together"),
             apart = store::open_store(scratch.folder / "apart");
  execute(planned(scratch, {schedule}), together);
  for (const char* tokens : {"[2560]", "[8192]", "[5248]"})
    execute(planned(scratch, {schedule, std::string("grid.tokens=") + tokens}), apart);
  check_same(together, apart);
}

TEST_CASE("results of tasks depend neither on threads nor on how many members are trained at once", "[sweep][fast]") {
  const Scratch scratch("waves");
  const auto whole = store::open_store(scratch.folder / "whole"), one = store::open_store(scratch.folder / "one");
  execute(planned(scratch), whole, 2, 2);
  execute(planned(scratch), one, 1, 1);
  check_same(whole, one);
}

TEST_CASE("a sweep that is stopped again and again gives the records and curves of one that is not", "[sweep][fast]") {
  const Scratch scratch("stopped");
  const auto whole = store::open_store(scratch.folder / "whole"), cut = store::open_store(scratch.folder / "cut");
  const auto p = planned(scratch);
  execute(p, whole);
  int stops = 0;
  for (int wait = 2;; wait += 2) try {
      std::atomic<bool> stop = false;
      std::jthread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(wait));
        stop = true;
      });
      sweep::execute(p, cut, {at::kCPU, 1}, stop, {.save_every = 0, .members_at_once = 2});
      break;
    } catch (const Interrupted&) {
      ++stops;
    }
  CHECK(stops > 0);
  check_same(whole, cut);
}

TEST_CASE("a trunk that was saved before anybody looked is looked at when it goes on", "[sweep][fast]") {
  const Scratch scratch("unseen");
  const auto whole = store::open_store(scratch.folder / "whole"), cut = store::open_store(scratch.folder / "cut");
  const auto p = planned(scratch);
  execute(p, whole);
  const auto cohort = plan::cohorts_of(plan::runs_of(p), p.corpus_digest).at(0);
  const train::CohortTrainer trainer(sweep::spec_of(cohort, false), p.opened, at::kCPU, 1);
  auto state = trainer.initial_state();
  const std::int64_t step = GENERATE(4, 16);
  const auto rate = [&](const train::Member& m, std::int64_t s) {
    return train::rate_at(cohort.training, m.learning_rate, s, trainer.spec().warmup_steps(), 64);
  };
  trainer.advance(state, {step, rate, {true, true}}, kGoOn);
  if (step == 16)
    for (std::size_t m = 0; m < 2; ++m) copy_row(whole, trainer.spec().members[m].numbers, 4, state.members[m].curve);
  sweep::save({sweep::states_folder(cut, cohort), "trunk"}, sweep::trunk_names(cohort), {state, {0, 0}});
  CHECK(execute(p, cut).trained == 6);
  check_same(whole, cut);
}

TEST_CASE("models quantized after training answer too, at once or later", "[sweep][fast]") {
  const Scratch scratch("ptq");
  const auto at_once = store::open_store(scratch.folder / "once"), later = store::open_store(scratch.folder / "later");
  const std::vector<std::string> plain{"grid.tokens=[2560]", "grid.numbers=[{weights: fp32}]"};
  auto asking = plain;
  asking.emplace_back("post_training={methods: [rtn], weights: [int8/channel, int2/channel], calibration: 8}");
  execute(planned(scratch, asking), at_once);
  execute(planned(scratch, plain), later);
  CHECK(execute(planned(scratch, asking), later).post_trained == 1);
  const auto rows = runs_in(at_once).at(0).post_trained, same = runs_in(later).at(0).post_trained;
  REQUIRE((rows.size() == 2 && same.size() == 2));
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(rows[i].cloze);
    CHECK(rows[i].cloze == same[i].cloze);
  }
  const double task_loss = *runs_in(at_once).at(0).record.task_loss;
  CHECK(std::abs(rows[0].cloze->loss - task_loss) < 0.01);
  CHECK(std::abs(rows[1].cloze->loss - task_loss) > 0.01);
}
