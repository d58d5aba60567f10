// What branches share with separate runs, what they cost, and what they keep.
#include <c10/core/Allocator.h>
#include <torch/torch.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "catch.h"
#include "plan/grid.h"
#include "record/archive.h"
#include "sweep/executor.h"

using namespace vernier;

namespace {

constexpr const char* kExperiment = R"(
name: branches
corpus: {kind: oracle, vocab: 32}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 512}
validation_tokens: 512
grid:
  sizes: [{depth: 1, width: 16, heads: 1}]
  tokens: [2560, 5248, 7680]
  numbers: [{weights: fp32}, {weights: int4/channel, activations: int8/tensor, rounding: stochastic}]
  seeds: [1]
)";

struct Scratch {
  std::filesystem::path folder;
  explicit Scratch(const std::string& name)
      : folder(std::filesystem::temp_directory_path() /
               ("vernier-branches-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "experiment.yaml") << kExperiment;
  }
  ~Scratch() { std::filesystem::remove_all(folder); }
};

plan::Experiment planned(const Scratch& scratch, const std::vector<std::string>& set) {
  return plan::read_experiment(scratch.folder, set);
}

sweep::Outcome execute(const plan::Experiment& experiment, const store::Store& store) {
  const std::atomic<bool> go_on = false;
  return sweep::execute(experiment, store, {at::kCPU, 1}, go_on);
}

std::vector<StoredRun> runs_in(const store::Store& store) {
  std::vector<store::Broken> broken;
  return store::read_runs(store.path(), broken);
}

/// Everything that a run is and left behind, but for names, places and times.
std::string bits_of(const StoredRun& run, const store::Store& store) {
  std::string text =
      fmt::format("{} {} {}\n", run.id, run.record.loss_val.value_or(NAN), run.record.loss_train.value_or(NAN));
  for (const char* name : {"curve.csv", "checkpoint/model.safetensors"})
    text += text_of_file((store.folder_of(run.id) / name).string());
  return text;
}

void check_same_bits(const store::Store& a, const store::Store& b) {
  const auto some = runs_in(a), others = runs_in(b);
  REQUIRE(some.size() == 6);
  REQUIRE(others.size() == 6);
  for (std::size_t i = 0; i < some.size(); ++i) {
    INFO(some[i].spec.tokens << " tokens, weights " << some[i].spec.numbers.weights);
    CHECK(bits_of(some[i], a) == bits_of(others[i], b));
  }
}

/// Bytes of tensors that live at the same time; counted for as long as this lives.
class PeakBytes : public c10::Allocator {
 public:
  PeakBytes() : before_(c10::GetAllocator(c10::DeviceType::CPU)) { c10::SetAllocator(c10::DeviceType::CPU, this, 100); }
  ~PeakBytes() override { c10::SetAllocator(c10::DeviceType::CPU, before_, 100); }
  PeakBytes(const PeakBytes&) = delete;
  PeakBytes& operator=(const PeakBytes&) = delete;

  c10::DataPtr allocate(std::size_t size) override {
    auto* block = static_cast<std::byte*>(std::aligned_alloc(kAlign, (size + 2 * kAlign - 1) / kAlign * kAlign));
    *reinterpret_cast<std::size_t*>(block) = size;
    live() += size;
    peak() = std::max(peak().load(), live().load());
    return {block + kAlign, block, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t count) const override { default_copy_data(to, from, count); }

  static std::atomic<std::size_t>& live() {
    static std::atomic<std::size_t> bytes = 0;
    return bytes;
  }
  static std::atomic<std::size_t>& peak() {
    static std::atomic<std::size_t> bytes = 0;
    return bytes;
  }

 private:
  static constexpr std::size_t kAlign = 64;
  static void release(void* block) {
    live() -= *static_cast<std::size_t*>(block);
    std::free(block);
  }
  c10::Allocator* before_;
};

std::size_t peak_bytes(const plan::Experiment& experiment, const store::Store& store) {
  PeakBytes counted;
  PeakBytes::peak() = PeakBytes::live().load();
  const std::size_t before = PeakBytes::live();
  execute(experiment, store);
  return PeakBytes::peak() - before;
}

const char* schedule_key() {
  return GENERATE("training.schedule=wsd", "training.cooldown=0", "training.schedule=cosine",
                  "training.schedule=linear", "training.schedule=inverse-sqrt");
}

}  // namespace

TEST_CASE("under every schedule a branch gives the bits of a run on its own: losses, curve and weights",
          "[sweep][fast]") {
  const std::string schedule = schedule_key();
  INFO(schedule);
  const Scratch scratch("schedules");
  const auto together = store::open_store(scratch.folder / "together"),
             apart = store::open_store(scratch.folder / "apart");
  execute(planned(scratch, {schedule}), together);
  for (const char* tokens : {"[2560]", "[5248]", "[7680]"})
    execute(planned(scratch, {schedule, std::string("grid.tokens=") + tokens}), apart);
  check_same_bits(together, apart);
}

TEST_CASE("under every optimiser a branch gives the bits of a run on its own", "[sweep][fast]") {
  const std::string optimizer = GENERATE("training.optimizer=adam", "training.optimizer=muon");
  const Scratch scratch("optimizers");
  const auto together = store::open_store(scratch.folder / "together"),
             apart = store::open_store(scratch.folder / "apart");
  execute(planned(scratch, {optimizer}), together);
  for (const char* tokens : {"[2560]", "[5248]", "[7680]"})
    execute(planned(scratch, {optimizer, std::string("grid.tokens=") + tokens}), apart);
  check_same_bits(together, apart);
}

TEST_CASE("the tokens that are trained on are those that the plan says, under every schedule", "[sweep][fast]") {
  const std::string schedule = schedule_key();
  INFO(schedule);
  const Scratch scratch("tokens");
  const auto experiment = planned(scratch, {schedule});
  const auto tokens = plan::tokens_of(plan::cohorts_of(plan::runs_of(experiment), experiment.corpus_digest));
  const auto store = store::open_store(scratch.folder / "runs");
  CHECK(execute(experiment, store).tokens == tokens.trunk + tokens.branches);
  for (const StoredRun& run : runs_in(store)) {
    CHECK(run.curve.back().tokens == run.spec.tokens);
    CHECK(run.record.steps * run.record.batch_tokens == run.spec.tokens);
  }
}

TEST_CASE("a branch leaves no copy of the trunk behind: more branches need no more memory", "[sweep][fast]") {
  const Scratch scratch("memory");
  const auto branches = [&](const char* tokens, const char* store) {
    return peak_bytes(planned(scratch, {std::string("grid.tokens=") + tokens}),
                      store::open_store(scratch.folder / store));
  };
  branches("[2560, 7680]", "first");  // what is set up once
  const std::size_t two = branches("[2560, 7680]", "two"), many = branches("[2560, 3840, 5120, 6400, 7680]", "many");
  const std::size_t copy = 2 * 3 * sizeof(float) * 4000;  // members, tensors, fewer parameters than they have
  CHECK(two > copy);
  CHECK(many < two + copy);
}
