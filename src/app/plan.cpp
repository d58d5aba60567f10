#include <fmt/format.h>

#include <memory>

#include "app/experiment_options.h"
#include "app/measure.h"
#include "app/verbs.h"
#include "plan/grid.h"
#include "plan/summary.h"
#include "store/store.h"

namespace vernier::app {

namespace {

/// Earlier runs say best how fast this machine is; without them a short training does.
plan::Speed speed_of(const std::filesystem::path& store, std::string& rests_on) {
  std::vector<store::Broken> broken;
  const auto runs = std::filesystem::exists(store) ? store::read_runs(store, broken) : std::vector<StoredRun>();
  for (const auto& run : runs)
    if (run.record.status == "done" && run.record.seconds > 0) {
      rests_on = "the time that earlier runs took";
      return plan::speed_from(runs);
    }
  rests_on = "the speed of a short training here";
  return measured_speed;
}

std::vector<plan::CohortWaves> waves_here(const std::vector<plan::Cohort>& cohorts,
                                          const std::filesystem::path& store) {
  const plan::Resources resources = resources_here();
  const plan::SpeedBook speeds = speeds_here(store);
  std::vector<plan::CohortWaves> all;
  for (const plan::Cohort& cohort : cohorts)
    all.push_back(
        {cohort.shape, static_cast<std::int64_t>(cohort.members.size()),
         plan::waves_of(cohort, resources, [&](std::int64_t members) { return speeds.find(cohort, members); })});
  return all;
}

void print_plan(const ExperimentOptions& options, double noise) {
  const plan::Experiment experiment = options.read(true);
  const auto runs = plan::runs_of(experiment);
  const auto cohorts = plan::cohorts_of(runs, experiment.corpus_digest);
  const auto store = options.store_of(experiment);
  plan::Summary summary{.name = experiment.name,
                        .question = experiment.question,
                        .cost = {},
                        .speed_from = {},
                        .waves = waves_here(cohorts, store),
                        .status = plan::status_of(cohorts, runs, store, experiment.post_training),
                        .assumed = plan::assumed_for(experiment),
                        .identifies = {}};
  summary.assumed.noise = noise;
  summary.cost = plan::cost_of(cohorts, speed_of(store, summary.speed_from));
  summary.identifies = plan::identifies(experiment.fit.laws, plan::points_of(runs), summary.assumed);
  fmt::print("{}", options.json ? plan::to_json(summary).dump(2) + "\n" : plan::text_of(summary));
}

}  // namespace

void add_plan(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("plan", "what an experiment will cost, and what it will be able to identify");
  const auto options = std::make_shared<ExperimentOptions>();
  const auto noise = std::make_shared<double>(plan::Assumed().noise);
  add_experiment_options(*verb, *options);
  verb->add_option("--noise", *noise, "standard deviation of the logarithm of the loss from seed to seed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->callback([options, noise] { print_plan(*options, *noise); });
}

}  // namespace vernier::app
