#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>

#include "app/experiment_options.h"
#include "app/report_on.h"
#include "app/verbs.h"
#include "sweep/executor.h"

namespace vernier::app {

namespace {

struct RunOptions {
  ExperimentOptions experiment;
  std::string device = "auto", executor = "local";
  sweep::ExecuteOptions execute;
};

std::atomic<bool> stop_asked = false;

/// The first Ctrl-C asks training to stop between two steps; the second ends the program at once. So does SIGTERM,
/// which batch systems send some time before they kill.
void on_interrupt(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);
}

sweep::Outcome train_missing(const plan::Experiment& experiment, const store::Store& store, const RunOptions& options) {
  const sweep::Machine machine = sweep::machine_named(options.device);
  spdlog::info("{}: training on {} with {} threads, store {}", experiment.name, machine.device.str(), machine.threads,
               store.path().string());
  const auto before = std::signal(SIGINT, on_interrupt), before_term = std::signal(SIGTERM, on_interrupt);
  const sweep::Outcome outcome = sweep::execute(experiment, store, machine, stop_asked, options.execute);
  std::signal(SIGINT, before);
  std::signal(SIGTERM, before_term);
  return outcome;
}

void run(const RunOptions& options) {
  if (options.executor != "local")
    throw Error(fmt::format("--executor: '{}'; this version knows local", options.executor));
  const plan::Experiment experiment = options.experiment.read(true);
  const store::Store store = store::open_store(options.experiment.store_of(experiment));
  const sweep::Outcome outcome = train_missing(experiment, store, options);
  spdlog::info("{} runs trained, {} of them diverged; fitting", outcome.trained, outcome.diverged);
  if (outcome.post_trained > 0) spdlog::info("rows of ptq.csv added to {} stored runs", outcome.post_trained);
  if (outcome.compressed > 0) spdlog::info("{} smaller models made of trained ones", outcome.compressed);
  report_on(experiment, store.path());
}

}  // namespace

void add_run(CLI::App& program) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* verb = program.add_subcommand("run", "plan, train what is missing, evaluate, fit, report");
  add_experiment_options(*verb, options->experiment, false);
  verb->add_option("--device", options->device, "auto, cpu or cuda");
  verb->add_option("--executor", options->executor, "local");
  verb->add_option("--save-every", options->execute.save_every,
                   "seconds between two saves of what is being trained; no result depends on it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->callback([options] { run(*options); });
}

}  // namespace vernier::app
