#include "plan/status.h"

#include <memory>

#include "app/experiment_options.h"
#include "app/verbs.h"
#include "plan/grid.h"

namespace vernier::app {

namespace {

void print_status(const ExperimentOptions& options) {
  const plan::Experiment experiment = options.read();
  const auto runs = plan::runs_of(experiment);
  const auto status = plan::status_of(plan::cohorts_of(runs, experiment.corpus_digest), runs,
                                      options.store_of(experiment), experiment.post_training, experiment.compression);
  fmt::print("{}", options.json ? plan::to_json(status).dump(2) + "\n" : plan::text_of(status));
}

}  // namespace

void add_status(CLI::App& program) {
  CLI::App* verb =
      program.add_subcommand("status", "how far an experiment is: done, running, missing, diverged, broken");
  const auto options = std::make_shared<ExperimentOptions>();
  add_experiment_options(*verb, *options);
  verb->callback([options] { print_status(*options); });
}

}  // namespace vernier::app
