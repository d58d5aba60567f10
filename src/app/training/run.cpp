#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include "app/experiment_options.h"
#include "app/report_on.h"
#include "app/verbs.h"
#include "plan/cohorts.h"
#include "plan/grid.h"
#include "sweep/executor.h"

namespace vernier::app {

namespace {

struct RunOptions {
  ExperimentOptions experiment;
  std::string device = "auto", executor = "local";
};

std::atomic<bool> stop_asked = false;

/// The first Ctrl-C asks training to stop between two steps; the second ends the program at once.
void on_interrupt(int) {
  stop_asked = true;
  std::signal(SIGINT, SIG_DFL);
}

sweep::Outcome train_missing(const plan::Experiment& experiment, const std::vector<plan::Cohort>& cohorts,
                             const store::Store& store, const std::string& device) {
  const sweep::Machine machine = sweep::machine_named(device);
  spdlog::info("{}: {} cohorts on {} with {} threads, store {}", experiment.name, cohorts.size(), machine.device.str(),
               machine.threads, store.path().string());
  const auto before = std::signal(SIGINT, on_interrupt);
  const sweep::Outcome outcome = sweep::execute(cohorts, experiment.name, experiment.opened, store, machine, stop_asked);
  std::signal(SIGINT, before);
  return outcome;
}

void run(const RunOptions& options) {
  if (options.executor != "local") throw Error(fmt::format("--executor: '{}'; this version knows local", options.executor));
  const plan::Experiment experiment = options.experiment.read(true);
  const auto cohorts = plan::cohorts_of(plan::runs_of(experiment), experiment.corpus_digest);
  const store::Store store = store::open_store(options.experiment.store_of(experiment));
  const sweep::Outcome outcome = train_missing(experiment, cohorts, store, options.device);
  spdlog::info("{} runs trained, {} of them diverged; fitting", outcome.trained, outcome.diverged);
  report_on(experiment, store.path());
}

}  // namespace

void add_run(CLI::App& program) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* verb = program.add_subcommand("run", "plan, train what is missing, evaluate, fit, report");
  add_experiment_options(*verb, options->experiment, false);
  verb->add_option("--device", options->device, "auto, cpu or cuda");
  verb->add_option("--executor", options->executor, "local");
  verb->callback([options] { run(*options); });
}

}  // namespace vernier::app
