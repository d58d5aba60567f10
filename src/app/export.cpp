// vernier export STORE --to DIR: the dataset of a store.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "app/verbs.h"
#include "record/archive.h"
#include "store/dataset.h"
#include "store/store.h"

namespace fs = std::filesystem;

namespace vernier::app {

namespace {

struct Asked {
  std::string source, folder, fits, checkpoint;
  bool json = false;
};

/// A run folder gives a dataset of one run, any other folder is a store.
std::vector<StoredRun> runs_of(const std::string& source, std::vector<store::Broken>& broken) {
  if (fs::exists(fs::path(source) / "spec.yaml")) return {store::read_run(source)};
  auto runs = store::read_runs(source, broken);
  if (runs.empty())
    throw Error(fmt::format("{}: the store is empty: no complete run, {} broken; expected at least one run", source,
                            broken.size()));
  return runs;
}

/// The fits that were named, else those that `vernier run` left beside the store.
std::optional<Json> fits_of(const Asked& asked) {
  fs::path file = asked.fits;
  if (file.empty()) file = fs::absolute(fs::path(asked.source) / "").parent_path().parent_path() / "fits.json";
  if (asked.fits.empty() && !fs::exists(file)) return std::nullopt;
  Json fits = Json::parse(text_of_file(file.string()), nullptr, false);
  if (!fits.is_object())
    throw Error(fmt::format("{}: not a JSON object; expected what `vernier fit --json` prints", file.string()));
  return fits;
}

void export_dataset(const Asked& asked) {
  if (!asked.checkpoint.empty())
    throw Error(
        fmt::format("--checkpoint {}: this version exports datasets only; expected no --checkpoint", asked.checkpoint));
  std::vector<store::Broken> broken;
  const auto runs = runs_of(asked.source, broken);
  for (const auto& folder : broken)
    fmt::print(stderr, "vernier: broken run {} is left out: {}\n", folder.folder, folder.why);
  const auto files = store::write_dataset(runs, asked.folder, fits_of(asked));
  if (asked.json) {
    Json names = Json::array();
    for (const auto& folder : broken) names.push_back(folder.folder);
    std::cout << Json{{"to", asked.folder}, {"runs", runs.size()}, {"broken", names}, {"files", files}}.dump() << '\n';
  } else {
    fmt::print("{} runs: {} in {}\n", runs.size(), fmt::join(files, ", "), asked.folder);
  }
}

}  // namespace

void add_export(CLI::App& program) {
  auto asked = std::make_shared<Asked>();
  CLI::App* verb =
      program.add_subcommand("export", "the runs of a store as CSV and Parquet with a dataset card and digests");
  verb->add_option("store", asked->source, "a folder of runs, or one run")->required();
  verb->add_option("--to", asked->folder, "folder to write to; made where absent")->required();
  verb->add_option("--fits", asked->fits,
                   "fits to add, as `vernier fit --json` printed them; fits.json beside the store where left out");
  verb->add_option("--checkpoint", asked->checkpoint, "a checkpoint format; not in this version");
  verb->add_flag("--json", asked->json, "one JSON object");
  verb->callback([asked] { export_dataset(*asked); });
}

}  // namespace vernier::app
