#include "sweep/speed.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>

namespace vernier::sweep {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

constexpr double kShareOfRun = 0.02;              // of the predicted time, spent on measuring
constexpr double kLongest = 0.5;                  // seconds of one measurement
constexpr std::int64_t kWarmUp = 1, kFewest = 2;  // steps

/// Members spread over the cohort, as their numbers differ in cost.
plan::Cohort sample_of(const plan::Cohort& cohort, std::int64_t members) {
  plan::Cohort sample = cohort;
  sample.members.clear();
  sample.runs.clear();
  for (std::size_t i = 0; i < static_cast<std::size_t>(members); ++i) {
    const std::size_t m = i * cohort.members.size() / static_cast<std::size_t>(members);
    sample.members.push_back(cohort.members[m]);
    sample.runs.push_back(cohort.runs[m]);
  }
  return sample;
}

/// What is left to spend, and what it is spent on.
struct Measuring {
  const Remainder& rest;
  const std::shared_ptr<const data::Corpus>& corpus;
  const Workplace& workplace;
  double tokens;  ///< of all that is to be trained

  double measure(std::int64_t members, double seconds, std::int64_t steps) const {
    const MeasuredSpeed speed =
        measured_speed(sample_of(rest.cohort, members), corpus, workplace.machine, seconds, steps);
    try {
      workplace.speeds.add(rest.cohort, members, speed.fastest);
    } catch (const Failure& problem) {
      spdlog::warn(problem.what());  // training needs no memory of speeds
    }
    return speed.mean;
  }
  /// Seconds of the fewest steps that make a measurement, at this speed.
  double least(std::int64_t members, double speed) const {
    return static_cast<double>((kWarmUp + kFewest) * members * rest.cohort.step_tokens()) / speed;
  }
};

/// The largest size first: its speed predicts the time of the whole, and so what may be spent on the others.
void measure_missing(const Measuring& measuring, std::vector<std::int64_t> sizes) {
  const auto& [rest, corpus, workplace, tokens] = measuring;
  const std::int64_t largest = sizes.back();
  const auto begin = Clock::now();
  auto speed = workplace.speeds.find(rest.cohort, largest);
  const auto steps = static_cast<std::int64_t>(kShareOfRun / 2 * member_steps(rest)) / largest - kWarmUp;
  if (!speed && steps < kFewest) return;
  if (!speed) speed = measuring.measure(largest, kLongest, steps);
  sizes.pop_back();
  std::erase_if(sizes, [&](std::int64_t size) { return workplace.speeds.find(rest.cohort, size).has_value(); });
  for (; !sizes.empty(); sizes.pop_back()) {
    const double left = (kShareOfRun * tokens / *speed - seconds_since(begin)) / static_cast<double>(sizes.size());
    constexpr double kSlower = 4;  // a size may be by this factor slower than the last without breaking the promise
    if (kSlower * measuring.least(sizes.back(), *speed) > left) continue;
    measuring.measure(sizes.back(), std::min(kLongest, left / kSlower), std::numeric_limits<std::int64_t>::max());
  }
}

}  // namespace

MeasuredSpeed measured_speed(const plan::Cohort& cohort, const std::shared_ptr<const data::Corpus>& corpus,
                             const Machine& machine, double seconds, std::int64_t steps) {
  const std::atomic<bool> stop = false;
  train::CohortSpec spec = spec_of(cohort, false);
  spec.cloze.reset();  // nothing is evaluated
  train::CohortTrainer trainer(std::move(spec), corpus, machine.device, machine.threads);
  train::CohortState state = trainer.initial_state();
  const std::vector<bool> active(cohort.members.size(), true);
  const auto seconds_to = [&](std::int64_t step) {
    const auto begin = Clock::now();
    trainer.advance(state, {step, [](const train::Member&, std::int64_t) { return 0.0; }, active}, stop);
    return seconds_since(begin);
  };
  seconds_to(kWarmUp);
  const double tokens_of_step = static_cast<double>(cohort.step_tokens()) * static_cast<double>(cohort.members.size());
  double spent = 0, fastest = 0;
  std::int64_t done = 0;
  while (done == 0 || (spent < seconds && done + kFewest <= steps)) {
    const double took = seconds_to(state.step + kFewest);
    spent += took;
    done += kFewest;
    fastest = std::max(fastest, static_cast<double>(kFewest) * tokens_of_step / took);
  }
  return {static_cast<double>(done) * tokens_of_step / spent, fastest};
}

plan::Waves chosen_waves(const Remainder& rest, const std::shared_ptr<const data::Corpus>& corpus,
                         const Workplace& workplace) {
  const auto sizes = plan::sizes_that_fit(rest.cohort, workplace.resources, false);
  const double tokens = member_steps(rest) * static_cast<double>(rest.cohort.step_tokens());
  if (sizes.size() > 1) measure_missing({rest, corpus, workplace, tokens}, sizes);
  return plan::waves_of(rest.cohort, workplace.resources,
                        [&](std::int64_t members) { return workplace.speeds.find(rest.cohort, members); });
}

}  // namespace vernier::sweep
