#include <fmt/format.h>

#include <memory>
#include <optional>

#include "app/report_on.h"
#include "app/verbs.h"
#include "base/error.h"
#include "plan/experiment.h"
#include "report/report.h"
#include "store/store.h"

namespace vernier::app {
namespace {

struct Arguments {
  std::string experiment;
  std::optional<std::string> store;
  std::vector<std::string> set;
};

/// With its corpus where that is there, as the planned runs are named by it; without it every run of the store counts.
plan::Experiment experiment_of(const Arguments& arguments) {
  auto experiment = plan::read_experiment(arguments.experiment, arguments.set, {.open_corpus = false, .writes = false, .store = {}});
  try {
    return plan::read_experiment(arguments.experiment, arguments.set);
  } catch (const Error& problem) {
    fmt::print(stderr, "vernier: the corpus cannot be opened, so every run of the store is taken to belong here: {}\n", problem.what());
    return experiment;
  }
}

}  // namespace

void report_on(const plan::Experiment& experiment, const std::filesystem::path& store) {
  std::vector<store::Broken> broken;
  auto runs = store::read_runs(store, broken);
  const auto study = report::analyse(report::asked_by(experiment), std::move(runs), std::move(broken));
  const auto folder = report::folder_beside(store);
  report::write_report(study, folder);
  fmt::print("{}\n", report::text_summary(study));
  fmt::print(stderr, "report: {}\n", (folder / "report.html").string());
}

void add_report(CLI::App& program) {
  auto* verb = program.add_subcommand("report", "Makes the report of an experiment again, from its stored runs");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("EXPERIMENT", arguments->experiment, "A folder with experiment.yaml, or a YAML file")->required();
  verb->add_option("--store", arguments->store, "The folder of runs; results/runs beside the experiment where absent");
  verb->add_option("--set", arguments->set, "key.path=value: overrides one key of the experiment")->take_all();
  verb->callback([arguments] {
    const auto experiment = experiment_of(*arguments);
    report_on(experiment, plan::store_of(experiment, arguments->store));
  });
}

}  // namespace vernier::app
