#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "app/experiment_options.h"
#include "app/report_on.h"
#include "app/verbs.h"
#include "base/error.h"
#include "plan/experiment.h"
#include "report/report.h"
#include "store/store.h"

namespace vernier::app {
namespace {

/// With its corpus where that is there, as the planned runs are named by it; without it every run of the store counts.
plan::Experiment experiment_of(const ExperimentOptions& options) {
  try {
    return options.read();
  } catch (const Error& problem) {
    auto experiment =
        plan::read_experiment(options.path, options.set, {.open_corpus = false, .writes = false, .store = {}});
    fmt::print(stderr, "vernier: without the corpus every run of the store is taken to belong here: {}\n",
               problem.what());
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
  fmt::print("{}", report::text_summary(study));
  std::fflush(stdout);  // before what goes to stderr, where both may end in one file
  fmt::print(stderr, "report: {}\n", (folder / "report.html").string());
}

void add_report(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("report", "makes the report of an experiment again, from its stored runs");
  const auto options = std::make_shared<ExperimentOptions>();
  add_experiment_options(*verb, *options, false);
  verb->callback([options] {
    const auto experiment = experiment_of(*options);
    report_on(experiment, options->store_of(experiment));
  });
}

}  // namespace vernier::app
