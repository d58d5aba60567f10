// The folder of a dataset: its tables, the card that explains them, and the digests of all of it.
#include <algorithm>
#include <set>

#include "base/digest.h"
#include "store/csv.h"
#include "store/dataset.h"
#include "store/files.h"

namespace fs = std::filesystem;

namespace vernier::store {

namespace {

/// The different values of a column, ascending as text, for one line of the card.
std::string values_of(const std::vector<StoredRun>& runs, std::string_view column) {
  std::set<std::string> values;
  for (const RunColumn& candidate : run_columns())
    if (candidate.name == column)
      for (const StoredRun& run : runs) values.insert(text_of(candidate.of(run)));
  return fmt::format("{}", fmt::join(values, ", "));
}

std::string range_of(const std::vector<StoredRun>& runs, double (*of)(const StoredRun&)) {
  const auto less = [&](const StoredRun& a, const StoredRun& b) { return of(a) < of(b); };
  const auto [least, most] = std::minmax_element(runs.begin(), runs.end(), less);
  return fmt::format("{:.4g} to {:.4g}", of(*least), of(*most));
}

constexpr std::string_view kFrontMatter = R"(---
pretty_name: vernier training runs
configs:
- config_name: runs
  data_files: runs.parquet
- config_name: curves
  data_files: curves.parquet
- config_name: ptq
  data_files: ptq.parquet
)";

constexpr std::string_view kReading = R"(
A missing value is null (an empty field in `runs.csv`), never 0 or -1. A diverged run is listed with the step at which
its loss ceased to be a number, and has no validation loss. Losses are means over tokens in nats. `n_non_embedding` is
the N of the fits; all roles are given, so another convention can be chosen. `fp32` means "not rounded"; `weight_bits`
then is 32, and fits take such a part as the baseline. `runs.csv` and `runs.parquet` hold the same values.
)";

constexpr std::string_view kTasks = R"(
Tasks are cloze questions: which of k continuations follows a held-out prefix? The others come from elsewhere in the
held-out part, of the same length and of like frequency, and a draw says which is asked for, so that chance is 1 / k.
`task_loss` is the mean of -ln P(answer | prefix) per token of the right answer, `task_accuracy` the share of questions
whose right answer is the likeliest. Rows of `curves` with tasks are checkpoints on the way: after 4^i steps, and before
the cool-down. Runs of one `parent` share their trunk, and so repeat its checkpoints.
)";

template <class Rows>
bool any_of(const std::vector<StoredRun>& runs, Rows StoredRun::*rows) {
  return std::any_of(runs.begin(), runs.end(), [&](const StoredRun& run) { return !(run.*rows).empty(); });
}

bool has_tasks(const std::vector<StoredRun>& runs) {
  return std::any_of(runs.begin(), runs.end(), [](const StoredRun& run) { return run.spec.cloze.has_value(); });
}

std::string card(const std::vector<StoredRun>& runs, bool with_fits) {
  const bool compressed = any_of(runs, &StoredRun::compressed);
  const auto diverged =
      std::count_if(runs.begin(), runs.end(), [](const StoredRun& run) { return run.record.status == "diverged"; });
  std::string text(kFrontMatter);
  if (compressed) text += "- config_name: compressed\n  data_files: compressed.parquet\n";
  text +=
      "---\n\n# Training runs at simulated precision\n\nSmall transformers trained by vernier, one row per run.\n\n";
  text += fmt::format("- runs: {}, of which {} diverged\n", runs.size(), diverged);
  text += fmt::format("- N, parameters outside embeddings: {}\n",
                      range_of(runs, [](const StoredRun& run) { return run.record.parameters.non_embedding(); }));
  text += fmt::format("- D, training tokens: {}\n",
                      range_of(runs, [](const StoredRun& run) { return static_cast<double>(run.spec.tokens); }));
  for (const char* column :
       {"experiment", "corpus", "corpus_digest", "recipe", "weights", "activations", "kv", "version"})
    text += fmt::format("- {}: {}\n", column, values_of(runs, column));
  text += "\n## Files\n\n- `runs.csv`, `runs.parquet`: one row per run\n- `curves.parquet`: the training curves\n";
  text +=
      "- `ptq.parquet`: loss after the weights of a run were quantized once it was trained, one row per method and "
      "number\n";
  if (compressed)
    text += "- `compressed.parquet`: smaller models made of trained ones, one row per run and way of doing it\n";
  if (with_fits) text += "- `fits.json`: laws fitted to these runs, with intervals\n";
  text += "- `digests.txt`: XXH3 of 128 bits of every other file\n\n## Reading it\n";
  text += kReading;
  if (has_tasks(runs)) text += kTasks;
  text += "\n## Columns\n\n| column | meaning |\n|---|---|\n";
  for (const RunColumn& column : run_columns()) text += fmt::format("| `{}` | {} |\n", column.name, column.meaning);
  return text;
}

}  // namespace

std::vector<std::string> write_dataset(const std::vector<StoredRun>& runs, const fs::path& folder,
                                       const std::optional<Json>& fits) {
  if (runs.empty())
    throw Error(fmt::format("{}: no run to export; expected a store with at least one complete run", folder.string()));
  make_writable_folder(folder, "the folder of the dataset");
  write_runs_csv(runs, folder / "runs.csv");
  write_runs_parquet(runs, folder / "runs.parquet");
  write_curves_parquet(runs, folder / "curves.parquet");
  write_ptq_parquet(runs, folder / "ptq.parquet");
  std::vector<std::string> names{"runs.csv", "runs.parquet", "curves.parquet", "ptq.parquet"};
  if (any_of(runs, &StoredRun::compressed)) {
    write_compressed_parquet(runs, folder / "compressed.parquet");
    names.emplace_back("compressed.parquet");
  }
  if (fits) {
    write_text(folder / "fits.json", fits->dump(2) + "\n");
    names.emplace_back("fits.json");
  }
  write_text(folder / "README.md", card(runs, fits.has_value()));
  names.emplace_back("README.md");
  std::string digests;
  for (const std::string& name : names)
    digests += fmt::format("{}  {}\n", digest_of(text_of_file((folder / name).string())), name);
  write_text(folder / "digests.txt", digests);
  names.emplace_back("digests.txt");
  return names;
}

}  // namespace vernier::store
