#include "store/dataset.h"

#include <map>

#include "base/digest.h"
#include "catch.h"
#include "store/sample.h"

using namespace vernier;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

/// The columns as DESIGN.md, section 6, promises them, and after them those that came later.
constexpr const char* kPromised =
    "run_id, experiment, corpus, corpus_digest, recipe, recipe_date, depth, width, heads, context, vocab, n_embedding, "
    "n_attention, n_mlp, n_norm, n_head, n_non_embedding, n_total, tokens, steps, batch_tokens, learning_rate, seed, "
    "weights, "
    "activations, kv, attention, gradients, weight_bits, activation_bits, kv_bits, gradient_bits, rounding, estimator, "
    "carrier, "
    "loss_train, loss_val, loss_val_se, loss_floor, bits_per_byte, task_loss, task_accuracy, flops, status, "
    "diverged_at, parent, "
    "device, threads, seconds, version, input_gradients, weight_gradients, backward_rounding, rotation, optimizer, "
    "schedule, embedding, head, task_loss_se, task_accuracy_se, task_loss_floor, task_accuracy_ceiling";

std::vector<StoredRun> two_runs() { return {sample_run(1), diverged_run(2)}; }

store::Table written(void (*write)(const std::vector<StoredRun>&, const fs::path&), const char* name) {
  const TemporaryFolder temporary;
  write(two_runs(), temporary.path / name);
  return store::read_table(temporary.path / name);
}

const store::Cell& cell(const store::Table& table, const char* column, std::size_t row) {
  const store::Column* found = table.find(column);
  REQUIRE(found != nullptr);
  return found->cells.at(row);
}

}  // namespace

TEST_CASE("the columns of a dataset stand in the promised order", "[store][fast]") {
  const auto csv = written(store::write_runs_csv, "runs.csv");
  const auto parquet = written(store::write_runs_parquet, "runs.parquet");
  CHECK(fmt::format("{}", fmt::join(csv.names(), ", ")) == kPromised);
  CHECK(parquet.names() == csv.names());
}

TEST_CASE("runs.csv and runs.parquet hold the same values, and absent ones are null", "[store][fast]") {
  const auto csv = written(store::write_runs_csv, "runs.csv");
  const auto parquet = written(store::write_runs_parquet, "runs.parquet");
  REQUIRE(csv.rows() == 2);
  REQUIRE(parquet.rows() == 2);
  std::vector<std::string> differing;
  for (std::size_t c = 0; c < csv.columns.size(); ++c)
    for (std::size_t r = 0; r < 2; ++r) {
      const auto &a = csv.columns[c].cells[r], &b = parquet.columns[c].cells[r];
      const bool same = a.text == b.text && (!b.number || a.number == b.number);
      if (!same) differing.push_back(csv.columns[c].name);
    }
  CHECK(differing.empty());
  for (const auto* table : {&csv, &parquet}) {
    CHECK(cell(*table, "loss_val", 0).number == 1.0 / 3.0);
    CHECK(cell(*table, "loss_val", 1).missing());
    CHECK(cell(*table, "diverged_at", 0).missing());
    CHECK(cell(*table, "diverged_at", 1).number == 17);
    CHECK(cell(*table, "task_accuracy", 0).missing());
    CHECK(cell(*table, "parent", 0).missing());
    CHECK(cell(*table, "experiment", 0).text == "sample, with a comma");
    CHECK(cell(*table, "device", 0).text == "cpu: a \"fast\" one");
  }
}

TEST_CASE("a row gives the run's own numbers", "[store][fast]") {
  const auto table = written(store::write_runs_parquet, "runs.parquet");
  const StoredRun run = sample_run(1);
  const CountByRole n = parameters_of({}, run.spec.shape);
  CHECK(cell(table, "run_id", 0).text == run.id);
  CHECK(cell(table, "n_non_embedding", 0).number == n.attention + n.mlp + n.norm);
  CHECK(cell(table, "n_total", 0).number == n.attention + n.mlp + n.norm + n.embedding + n.head);
  CHECK(cell(table, "tokens", 0).number == 1 << 20);
  CHECK(cell(table, "learning_rate", 0).number == 3e-3);
  CHECK(cell(table, "weight_bits", 0).number == 4);
  CHECK(cell(table, "activation_bits", 0).number == 8);
  CHECK(cell(table, "kv_bits", 0).number == 32);
  CHECK(cell(table, "flops", 0).number == run.record.flops.total());
  CHECK(cell(table, "status", 1).text == "diverged");
}

TEST_CASE("curves.parquet holds every row of every curve", "[store][fast]") {
  const auto table = written(store::write_curves_parquet, "curves.parquet");
  REQUIRE(table.rows() == 4);
  CHECK(cell(table, "run_id", 2).text == diverged_run(2).id);
  CHECK(cell(table, "loss_val", 0).missing());
  CHECK(cell(table, "loss_val", 1).number == 1.0 / 3.0);
  CHECK(cell(table, "step", 3).number == 512);
  CHECK(cell(table, "gradient_norm", 1).number == 1e-7);
}

TEST_CASE("ptq.parquet holds every row of every run, with the bits of its number", "[store][fast]") {
  const TemporaryFolder temporary;
  auto runs = two_runs();
  runs[0].post_trained = {{"rtn", "int3/channel", 2.5, 0.25}, {"awq", "e2m1/block32:e8m0", {}, {}}};
  store::write_ptq_parquet(runs, temporary.path / "ptq.parquet");
  const auto table = store::read_table(temporary.path / "ptq.parquet");
  CHECK(fmt::format("{}", fmt::join(table.names(), ", ")) ==
        "run_id, method, weights, weight_bits, loss, delta, task_loss, task_loss_se, task_accuracy, task_accuracy_se");
  REQUIRE(table.rows() == 2);
  CHECK(cell(table, "run_id", 1).text == runs[0].id);
  CHECK(cell(table, "weights", 0).text == "int3/channel");
  CHECK(cell(table, "weight_bits", 0).number == 3);
  CHECK(cell(table, "delta", 0).number == 0.25);
  CHECK(cell(table, "loss", 1).missing());
}

TEST_CASE("the results of tasks stand in every table that has them", "[store][fast]") {
  const TemporaryFolder temporary;
  auto runs = two_runs();
  const TaskResult tasks{1.5, 0.01, 0.625, 0.015};
  runs[0].spec.cloze = ClozeSpec{};
  runs[0].record.task_loss_se = 0.01;
  runs[0].record.task_accuracy_se = 0.015;
  runs[0].record.task_loss_floor = 1.25;
  runs[0].record.task_accuracy_ceiling = 0.75;
  runs[0].curve[1].cloze = tasks;
  runs[0].post_trained = {{"rtn", "int3/channel", 2.5, 0.25, tasks}, {"rtn", "int2/channel", 3.5, 1.25}};
  runs[0].compressed = {{{"unstructured", 0.5, {}, {}, {}, 4096, {}}, 30000, 2.0, tasks},
                        {{"distilled", {}, 2, 48, 3, 8192, 1e-3}, 10000, {}, {}}};
  store::write_dataset(runs, temporary.path / "all");
  const auto read = [&](const char* name) { return store::read_table(temporary.path / "all" / name); };
  CHECK(cell(read("runs.csv"), "task_loss_floor", 0).number == 1.25);
  CHECK(cell(read("runs.parquet"), "task_accuracy_ceiling", 0).number == 0.75);
  CHECK(cell(read("runs.csv"), "task_loss_se", 1).missing());
  CHECK(cell(read("runs.csv"), "task_accuracy_se", 0).number == 0.015);
  CHECK(cell(read("curves.parquet"), "task_accuracy", 0).missing());
  for (const char* name : {"curves.parquet", "ptq.parquet", "compressed.parquet"}) {
    const auto table = read(name);
    const std::size_t row = std::string_view(name) == "curves.parquet" ? 1 : 0;
    CHECK(cell(table, "task_loss", row).number == 1.5);
    CHECK(cell(table, "task_loss_se", row).number == 0.01);
    CHECK(cell(table, "task_accuracy", row).number == 0.625);
    CHECK(cell(table, "task_accuracy_se", row).number == 0.015);
    CHECK(cell(table, "task_loss", 1 - row).missing());
  }
  const auto compressed = read("compressed.parquet");
  CHECK(cell(compressed, "run_id", 0).text == runs[0].id);
  CHECK(cell(compressed, "share", 0).number == 0.5);
  CHECK((cell(compressed, "depth", 0).missing() && cell(compressed, "heads", 1).number == 3));
  CHECK((cell(compressed, "params", 1).number == 10000 && cell(compressed, "loss", 1).missing()));
  const std::string card = text_of_file((temporary.path / "all" / "README.md").string());
  CHECK_THAT(card, ContainsSubstring("data_files: compressed.parquet") && ContainsSubstring("chance is 1 / k"));
  store::write_dataset(two_runs(), temporary.path / "none");
  CHECK_FALSE(fs::exists(temporary.path / "none" / "compressed.parquet"));
}

TEST_CASE("a dataset has a card, fits where given, and right digests of all of it", "[store][fast]") {
  const TemporaryFolder temporary;
  const fs::path folder = temporary.path / "a" / "dataset";
  const bool with_fits = GENERATE(true, false);
  const auto names =
      store::write_dataset(two_runs(), folder, with_fits ? std::optional(Json{{"fits", Json::array()}}) : std::nullopt);
  CHECK(fs::exists(folder / "fits.json") == with_fits);
  std::map<std::string, std::string> digests;
  std::ifstream listing(folder / "digests.txt");
  for (std::string digest, name; listing >> digest >> name;) digests[name] = digest;
  CHECK(digests.size() + 1 == names.size());
  for (const auto& [name, digest] : digests) CHECK(digest == digest_of(text_of_file((folder / name).string())));
  const std::string card = text_of_file((folder / "README.md").string());
  CHECK_THAT(card, ContainsSubstring("runs: 2, of which 1 diverged"));
  for (const std::string& name : names)
    if (name != "README.md") CHECK_THAT(card, ContainsSubstring("`" + name + "`"));
  for (const auto& column : store::run_columns())
    CHECK_THAT(card, ContainsSubstring(fmt::format("| `{}` |", column.name)));
}

TEST_CASE("a dataset of the same runs is the same bytes", "[store][fast]") {
  const TemporaryFolder temporary;
  for (const char* name : {"a", "b"}) store::write_dataset(two_runs(), temporary.path / name);
  CHECK(text_of_file((temporary.path / "a" / "digests.txt").string()) ==
        text_of_file((temporary.path / "b" / "digests.txt").string()));
}

TEST_CASE("a dataset is not written into a file, nor without runs", "[store][fast]") {
  const TemporaryFolder temporary;
  write_file(temporary.path / "file", "text");
  CHECK_THROWS_AS(store::write_dataset(two_runs(), temporary.path / "file"), Error);
  CHECK_THROWS_WITH(store::write_dataset({}, temporary.path / "new"), ContainsSubstring("no run to export"));
  CHECK_FALSE(fs::exists(temporary.path / "new"));
}
