#include "sweep/compression.h"

#include <torch/torch.h>
#include <unistd.h>

#include <fstream>

#include "catch.h"
#include "record/recipe.h"

using namespace vernier;

namespace {

constexpr const char* kExperiment = R"(
name: tiny
corpus: {kind: oracle, vocab: 32}
recipe: 2024-wsd
context: 32
training: {batch: 4, learning_rate: 0.01, warmup_tokens: 512}
validation_tokens: 512
cloze: {items: 16, choices: 2, answer: 2, prefix: 8}
grid:
  sizes: [{depth: 2, width: 32, heads: 2}]
  tokens: [2560, 5120]
  numbers: [{weights: fp32}, {weights: int4/channel}]
  seeds: [1, 2]
)";

const std::string kHalf = "{method: unstructured, share: 0.5, tokens: 1280}";
const std::string kHeads = "{method: structured, share: 0.5, tokens: 0}";
const std::string kStudent = "{method: distilled, depth: 1, width: 16, tokens: 2560}";

struct Scratch {
  std::filesystem::path folder;
  store::Store store;
  explicit Scratch(const std::string& name)
      : folder(made(std::filesystem::temp_directory_path() /
                    ("vernier-compression-" + name + "-" + std::to_string(::getpid())))),
        store(store::open_store(folder / "runs")) {}
  ~Scratch() { std::filesystem::remove_all(folder); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  static std::filesystem::path made(const std::filesystem::path& path) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    std::ofstream(path / "experiment.yaml") << kExperiment;
    return path;
  }

  sweep::Outcome execute(const std::vector<std::string>& variants, const std::atomic<bool>& stop,
                         int threads = 1) const {
    std::vector<std::string> set;
    if (!variants.empty()) set.push_back(fmt::format("compression={{variants: [{}]}}", fmt::join(variants, ", ")));
    return sweep::execute(plan::read_experiment(folder, set), store, {at::kCPU, threads}, stop);
  }

  std::vector<StoredRun> runs() const {
    std::vector<store::Broken> broken;
    auto runs = store::read_runs(store.path(), broken);
    CHECK(broken.empty());
    return runs;
  }
};

const std::atomic<bool> kGoOn = false, kStop = true;

bool is_compressed(const StoredRun& run) { return run.spec.tokens == 5120 && run.spec.numbers.weights == "fp32"; }

}  // namespace

TEST_CASE("smaller models are made of the unrounded runs on the most tokens, and missing rows are added",
          "[sweep][fast]") {
  const Scratch scratch("rows");
  CHECK(scratch.execute({kHalf}, kGoOn).compressed == 2);
  const sweep::Outcome more = scratch.execute({kHalf, kHeads, kStudent}, kGoOn);
  CHECK((more.trained == 0 && more.compressed == 4));
  for (const StoredRun& run : scratch.runs()) {
    REQUIRE(run.compressed.size() == (is_compressed(run) ? 3 : 0));
    const double whole = run.record.parameters.non_embedding();
    for (const Compressed& row : run.compressed) {
      CHECK(row.params < whole);
      CHECK((row.loss && row.cloze && *row.loss != *run.record.loss_val));
    }
  }
  CHECK(scratch.execute({kHalf, kHeads, kStudent}, kGoOn).compressed == 0);
}

TEST_CASE("rows are the same made at once or one by one, by one thread or by two", "[sweep][fast]") {
  const Scratch apart("apart"), together("together");
  apart.execute({kHalf}, kGoOn);
  apart.execute({kHalf, kHeads, kStudent}, kGoOn);
  together.execute({kStudent, kHalf, kHeads}, kGoOn, 2);
  const auto one = apart.runs(), two = together.runs();
  REQUIRE(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i)
    for (const Compressed& row : one[i].compressed) {
      const auto same = std::find_if(two[i].compressed.begin(), two[i].compressed.end(),
                                     [&](const Compressed& other) { return other.task == row.task; });
      REQUIRE(same != two[i].compressed.end());
      CHECK((same->params == row.params && same->loss == row.loss && same->cloze == row.cloze));
    }
}

TEST_CASE("a stop keeps every row that is done, and the next call makes the rest", "[sweep][fast]") {
  const Scratch scratch("stop");
  scratch.execute({}, kGoOn);
  CHECK_THROWS_AS(scratch.execute({kHeads, kHalf}, kStop), Interrupted);  // which trains nothing, and which has to
  std::int64_t rows = 0;
  for (const StoredRun& run : scratch.runs()) rows += static_cast<std::int64_t>(run.compressed.size());
  CHECK(rows == 1);
  CHECK(scratch.execute({kHeads, kHalf}, kGoOn).compressed == 3);
  const Scratch undisturbed("undisturbed");
  undisturbed.execute({kHeads, kHalf}, kGoOn);
  const auto one = scratch.runs(), two = undisturbed.runs();
  for (std::size_t i = 0; i < one.size(); ++i) {
    REQUIRE(one[i].compressed.size() == two[i].compressed.size());
    for (std::size_t row = 0; row < one[i].compressed.size(); ++row)
      CHECK(one[i].compressed[row].loss == two[i].compressed[row].loss);
  }
}
