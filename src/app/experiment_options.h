// What every verb takes that is about an experiment: the experiment, --set, --store, and --json.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "plan/experiment.h"

namespace vernier::app {

struct ExperimentOptions {
  std::string path;
  std::vector<std::string> set;
  std::optional<std::string> store;
  bool json = false;

  plan::Experiment read(bool writes = false) const {
    return plan::read_experiment(path, set, {.open_corpus = true, .writes = writes, .store = store_path()});
  }
  std::filesystem::path store_of(const plan::Experiment& experiment) const {
    return plan::store_of(experiment, store_path());
  }

 private:
  std::optional<std::filesystem::path> store_path() const {
    return store ? std::optional<std::filesystem::path>(*store) : std::nullopt;
  }
};

inline void add_experiment_options(CLI::App& verb, ExperimentOptions& options, bool with_json = true) {
  verb.add_option("experiment", options.path, "a folder that holds experiment.yaml, or a YAML file")->required();
  verb.add_option("--set", options.set, "key.path=value in place of what the file says; may be given again")
      ->allow_extra_args(false);
  verb.add_option("--store", options.store, "folder of runs; results/runs beside the experiment's file unless given");
  if (with_json) verb.add_flag("--json", options.json, "one JSON object on stdout");
}

}  // namespace vernier::app
