#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <memory>
#include <set>

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

struct PlanOptions : ExperimentOptions {
  double noise = plan::Assumed().noise;
  bool noise_given = false;
  std::string assume, write;
  plan::ImproveAsked improve;
};

/// A file that is there already may be somebody's experiment.
void check_new(const std::string& file) {
  if (std::filesystem::exists(std::filesystem::symlink_status(file)))
    throw Error(fmt::format("--write: {}: expected a file that is not there yet", file));
}

void write_experiment(const std::string& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  out.close();
  if (!out) throw Error(fmt::format("--write: {}: expected a file that can be written", file));
  spdlog::info("the proposed runs are the experiment {}", file);
}

plan::Assumed assumed_by(const PlanOptions& options, const plan::Experiment& experiment) {
  plan::Assumed assumed = plan::assumed_for(experiment);
  if (!options.assume.empty()) plan::assume_fits(assumed, options.assume, experiment.fit.laws);
  if (options.noise_given || options.assume.empty()) assumed.noise = options.noise;
  return assumed;
}

std::set<std::string> done_of(const plan::Status& status) {
  std::set<std::string> done;
  for (const auto& run : status.runs)
    if (run.state == plan::State::Done) done.insert(run.id);
  return done;
}

/// Finds the proposal, and writes it where that is asked for.
void improve(plan::Summary& summary, const plan::Experiment& experiment, const PlanOptions& options) {
  const auto done = done_of(summary.status);
  summary.improvement = plan::improvement(experiment, done, summary.assumed, options.improve);
  if (!options.write.empty())
    write_experiment(options.write, plan::experiment_text(experiment, done, *summary.improvement, options.write));
}

void print_plan(const PlanOptions& options) {
  if (!options.write.empty()) check_new(options.write);
  const plan::Experiment experiment = options.read(true);
  const auto runs = plan::runs_of(experiment);
  const auto cohorts = plan::cohorts_of(runs, experiment.corpus_digest);
  const auto store = options.store_of(experiment);
  plan::Summary summary{.name = experiment.name,
                        .question = experiment.question,
                        .cost = {},
                        .speed_from = {},
                        .waves = waves_here(cohorts, store),
                        .status = plan::status_of(cohorts, runs, store, experiment.post_training, experiment.compression),
                        .assumed = assumed_by(options, experiment),
                        .foreseen = {},
                        .improvement = {}};
  if (!options.improve.budget.empty()) improve(summary, experiment, options);
  summary.cost = plan::cost_of(cohorts, speed_of(store, summary.speed_from));
  summary.foreseen =
      plan::foresee(experiment.fit.laws, plan::points_of(experiment, plan::runs_of_recipe(experiment), summary.assumed),
                    summary.assumed, plan::options_of(experiment.fit));
  fmt::print("{}", options.json ? plan::to_json(summary).dump(2) + "\n" : plan::text_of(summary));
}

void add_improve_options(CLI::App& verb, PlanOptions& options) {
  auto* improve = verb.add_option("--improve", options.improve.budget,
                                  "propose runs for so many FLOPs, or for a share of the grid's own such as 100%");
  verb.add_option(
          "--quantity", options.improve.quantity,
          "what they shall say most of: a parameter of a law of fit.laws, P* or N*; the least known unless given")
      ->needs(improve);
  verb.add_option("--compute", options.improve.compute, "16-bit FLOPs that N* is best for")
      ->needs(improve)
      ->check(CLI::PositiveNumber);
  verb.add_option("--write", options.write, "a new experiment file with the proposed runs")->needs(improve);
}

}  // namespace

void add_plan(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("plan", "what an experiment will cost, and what it will be able to identify");
  const auto options = std::make_shared<PlanOptions>();
  add_experiment_options(*verb, *options);
  const auto* noise =
      verb->add_option("--noise", options->noise, "standard deviation of the logarithm of the loss from seed to seed")
          ->check(CLI::PositiveNumber)
          ->capture_default_str();
  verb->add_option("--assume", options->assume,
                   "what `vernier fit --json` printed, as the law and noise that are assumed");
  add_improve_options(*verb, *options);
  verb->callback([options, noise] {
    options->noise_given = noise->count() > 0;
    print_plan(*options);
  });
}

}  // namespace vernier::app
