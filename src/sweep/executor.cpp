#include "sweep/executor.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "plan/grid.h"
#include "record/recipe.h"
#include "sweep/outcome.h"
#include "sweep/post_training.h"
#include "sweep/trunk.h"
#include "train/checkpoint.h"
#include "train/schedule.h"

namespace vernier::sweep {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr double kSecondsBetweenSaves = 20;

/// The part of a cohort that the store lacks: members with at least one missing run, and for each which horizons.
struct Remainder {
  plan::Cohort cohort;
  std::vector<std::vector<bool>> wanted;  ///< [member][horizon]

  bool empty() const { return cohort.members.empty(); }
  std::vector<bool> at(std::size_t horizon) const {
    std::vector<bool> active;
    for (const auto& row : wanted) active.push_back(row[horizon]);
    return active;
  }
  /// Members that still want this horizon or a later one: they ride on the trunk.
  std::vector<bool> from(std::size_t horizon) const {
    std::vector<bool> active;
    for (const auto& row : wanted)
      active.push_back(
          std::any_of(row.begin() + static_cast<std::ptrdiff_t>(horizon), row.end(), [](bool b) { return b; }));
    return active;
  }
};

Remainder remainder_of(const plan::Cohort& cohort, const store::Store& store) {
  Remainder rest{cohort, {}};
  rest.cohort.members.clear();
  rest.cohort.runs.clear();
  for (std::size_t m = 0; m < cohort.members.size(); ++m) {
    std::vector<bool> wanted;
    for (const auto& run : cohort.runs[m]) wanted.push_back(run && !store.has(run->id));
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) continue;
    rest.cohort.members.push_back(cohort.members[m]);
    rest.cohort.runs.push_back(cohort.runs[m]);
    rest.wanted.push_back(wanted);
  }
  return rest;
}

std::int64_t count(const std::vector<bool>& active) { return std::count(active.begin(), active.end(), true); }

/// Steps of trunk and branches, summed over members.
double member_steps(const Remainder& rest) {
  double steps = 0;
  std::int64_t reached = 0;
  for (std::size_t h = 0; h < rest.cohort.horizons.size(); ++h) {
    if (count(rest.at(h)) == 0) continue;
    const plan::Steps s = rest.cohort.steps(h);
    steps += static_cast<double>((s.leave - reached) * count(rest.from(h)) + s.cooldown * count(rest.at(h)));
    reached = s.leave;
  }
  return steps;
}

/// Work of one member's step for the progress bar: FLOPs, and what the passes between the products cost on top, which
/// for small models is most of the time (measured on two cores, widths 8 to 48).
double work_of_step(const plan::Cohort& cohort) {
  constexpr double kBetweenProducts = 2e5;  // [FLOPs per token]
  return (training_flops_per_token(cohort.shape).total() + kBetweenProducts) *
         static_cast<double>(cohort.step_tokens());
}

train::CohortSpec spec_of(const plan::Cohort& cohort) {
  train::CohortSpec spec{cohort.shape, cohort.recipe, cohort.training, {}, cohort.validation_tokens, cohort.exact};
  for (const plan::Member& member : cohort.members)
    spec.members.push_back({member.numbers, member.learning_rate, member.seed});
  return spec;
}

std::string describe(const plan::Cohort& cohort) {
  return fmt::format("depth {} width {}, {} members", cohort.shape.depth, cohort.shape.width, cohort.members.size());
}

/// One cohort on its way: trunk to each branch point, branch, evaluation, publication.
class CohortRun {
 public:
  CohortRun(Remainder rest, const plan::Experiment& experiment, const store::Store& store, const Machine& machine,
            Progress& progress, const std::atomic<bool>& stop)
      : rest_(std::move(rest)),
        experiment_(experiment),
        store_(store),
        machine_(machine),
        progress_(progress),
        stop_(stop),
        trainer_(spec_of(rest_.cohort), experiment.opened, machine.device, machine.threads) {
    trunk_folder_ = store_.path() / ".trunks" / rest_.cohort.name;
    for (const auto& runs : rest_.cohort.runs) {
      const auto some = std::find_if(runs.begin(), runs.end(), [](const auto& run) { return run.has_value(); });
      trunk_names_.push_back(trunk_id((*some)->spec, rest_.cohort.corpus_digest));
    }
  }

  Outcome operator()() {
    state_ = first_state();
    for (std::size_t h = 0; h < rest_.cohort.horizons.size(); ++h) {
      if (count(rest_.at(h)) == 0) continue;
      const auto begin = Clock::now();
      follow_trunk(h);
      trunk_share_ = seconds_since(begin) / static_cast<double>(count(rest_.from(h)));
      branch(h);
    }
    std::filesystem::remove_all(trunk_folder_);
    return outcome_;
  }

 private:
  /// The saved trunk where it has not yet passed a branch point that is still missing; else the beginning.
  train::CohortState first_state() {
    auto saved = load_trunk(trunk_folder_, trunk_names_, machine_.device);
    for (std::size_t h = 0; saved && h < rest_.cohort.horizons.size(); ++h)
      if (count(rest_.at(h)) > 0 && rest_.cohort.steps(h).leave < saved->step) saved.reset();
    if (!saved) return trainer_.initial_state();
    progress_.skipped(work_of_step(rest_.cohort) * static_cast<double>(saved->step * count(rest_.from(0))));
    return std::move(*saved);
  }

  void stop_here(const train::CohortState* trunk) {
    if (!stop_) return;
    if (trunk) save_trunk(trunk_folder_, trunk_names_, *trunk);
    throw Interrupted("stopped; everything finished is kept, and the same command continues");
  }

  void advance(train::CohortState& state, train::CohortTrainer::Order order) {
    const std::int64_t members = count(order.active);
    order.advanced = [&](std::int64_t steps) {
      outcome_.tokens += members * steps * rest_.cohort.step_tokens();
      progress_.advanced(members * steps * rest_.cohort.step_tokens(),
                         work_of_step(rest_.cohort) * static_cast<double>(members * steps));
      if (&state == &state_ && seconds_since(saved_) > kSecondsBetweenSaves) {
        save_trunk(trunk_folder_, trunk_names_, state_);
        saved_ = Clock::now();
      }
    };
    trainer_.advance(state, order, stop_);
  }

  /// The rate of every step of the runs of a horizon; of the trunk's, it is that of every horizon that shares it.
  auto rate_of(std::size_t h) const {
    const std::int64_t warmup = trainer_.spec().warmup_steps(), total = rest_.cohort.steps(h).total;
    return [training = rest_.cohort.training, warmup, total](const train::Member& member, std::int64_t step) {
      return train::rate_at(training, member.learning_rate, step, warmup, total);
    };
  }

  void follow_trunk(std::size_t h) {
    const std::int64_t leave = rest_.cohort.steps(h).leave;
    if (state_.step == leave) return;
    advance(state_, {leave, rate_of(h), rest_.from(h), false, {}});
    stop_here(&state_);
    save_trunk(trunk_folder_, trunk_names_, state_);
    saved_ = Clock::now();
  }

  void branch(std::size_t h) {
    const auto begin = Clock::now();
    const std::int64_t total = rest_.cohort.steps(h).total;
    train::CohortState cooled = train::copy_of(state_);  // which lives no longer than this branch
    advance(cooled, {total, rate_of(h), rest_.at(h), true, {}});
    stop_here(nullptr);
    for (train::MemberState& member : cooled.members)  // a branch without steps has closed no row
      if (!member.diverged_at) train::close_curve(member, total, rest_.cohort.step_tokens());
    const auto evaluations = trainer_.evaluate(cooled, rest_.at(h));
    const double share = trunk_share_ + seconds_since(begin) / static_cast<double>(count(rest_.at(h)));
    for (std::size_t m = 0; m < rest_.cohort.members.size(); ++m)
      if (rest_.wanted[m][h]) publish(m, h, cooled.members[m], evaluations[m], share);
  }

  void publish(std::size_t m, std::size_t h, const train::MemberState& member,
               const std::optional<train::Evaluation>& evaluation, double seconds) {
    const plan::NamedRun& run = *rest_.cohort.runs[m][h];
    StoredRun stored = stored_run(run, member, evaluation, {experiment_, machine_, seconds});
    const train::CheckpointConfig config{run.spec.recipe, run.spec.shape, run.spec.numbers, run.spec.seed,
                                         run.spec.exact};
    if (!stop_)  // else the next call adds the rows
      stored.post_trained =
          missing_post_trained(experiment_, stored, train::checkpoint_of(config, member.weights_P), machine_);
    store_.publish(stored, [&](const std::filesystem::path& folder) {
      train::write_checkpoint(folder / "checkpoint", config, member.weights_P);
    });
    ++outcome_.trained;
    if (stored.record.status != "diverged") return;
    ++outcome_.diverged;
    spdlog::warn("run {} diverged at step {} (weights {}, seed {})", run.id, *stored.record.diverged_at,
                 run.spec.numbers.weights, run.spec.seed);
  }

  Remainder rest_;
  const plan::Experiment& experiment_;
  const store::Store& store_;
  Machine machine_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  train::CohortTrainer trainer_;
  std::filesystem::path trunk_folder_;
  std::vector<std::string> trunk_names_;
  train::CohortState state_;
  double trunk_share_ = 0;
  Clock::time_point saved_ = Clock::now();
  Outcome outcome_;
};

}  // namespace

Machine machine_named(const std::string& device) {
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (device == "cpu" || (device == "auto" && !at::hasCUDA())) return {at::kCPU, threads};
  if (device != "auto" && device != "cuda")
    throw Error(fmt::format("--device: '{}'; expected auto, cpu or cuda", device));
  if (!at::hasCUDA()) throw Error("--device: cuda is not available to this build of LibTorch; expected auto or cpu");
  return {at::Device(at::kCUDA, 0), threads};
}

Outcome execute(const plan::Experiment& experiment, const store::Store& store, const Machine& machine,
                const std::atomic<bool>& stop) {
  const auto cohorts = plan::cohorts_of(plan::runs_of(experiment), experiment.corpus_digest);
  double work = 0;
  for (const plan::Cohort& cohort : cohorts) work += work_of_step(cohort) * member_steps(remainder_of(cohort, store));
  Progress progress(work);
  Outcome all;
  std::vector<const plan::Cohort*> open;
  for (const plan::Cohort& cohort : cohorts) open.push_back(&cohort);
  for (bool waiting = false; !open.empty();) {
    std::vector<const plan::Cohort*> elsewhere;
    for (const plan::Cohort* cohort : open) {
      if (remainder_of(*cohort, store).empty() && !lacks_post_trained(experiment, *cohort, store)) continue;
      const auto claim = store.claim(cohort->name);
      if (!claim) {
        elsewhere.push_back(cohort);
        continue;
      }
      Remainder rest = remainder_of(*cohort, store);  // what another process finished meanwhile is not repeated
      if (!rest.empty()) {
        progress.doing(describe(rest.cohort));
        const Outcome one = CohortRun(std::move(rest), experiment, store, machine, progress, stop)();
        all.trained += one.trained;
        all.diverged += one.diverged;
        all.tokens += one.tokens;
      }
      all.post_trained += add_post_trained(experiment, *cohort, store, machine, stop);
    }
    open = std::move(elsewhere);
    if (open.empty()) break;
    if (!waiting) spdlog::info("waiting for another process that trains {} cohort(s) of this store", open.size());
    waiting = true;
    for (int tenth = 0; tenth < 20 && !stop; ++tenth) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (stop) throw Interrupted("stopped while waiting for another process");
  }
  return all;
}

double measured_speed(const plan::Cohort& cohort, const std::shared_ptr<const data::Corpus>& corpus,
                      const Machine& machine, double seconds) {
  const std::atomic<bool> stop = false;
  train::CohortTrainer trainer(spec_of(cohort), corpus, machine.device, machine.threads);
  train::CohortState state = trainer.initial_state();
  const std::vector<bool> active(cohort.members.size(), true);
  const auto train_to = [&](std::int64_t step) {
    trainer.advance(state, {step, [](const train::Member&, std::int64_t) { return 0.0; }, active, false, {}}, stop);
  };
  train_to(2);
  const auto begin = Clock::now();
  std::int64_t steps = 0;
  for (std::int64_t chunk = 4; seconds_since(begin) < seconds; steps += chunk) train_to(state.step + chunk);
  return static_cast<double>(steps * cohort.step_tokens() * static_cast<std::int64_t>(cohort.members.size())) /
         seconds_since(begin);
}

}  // namespace vernier::sweep
