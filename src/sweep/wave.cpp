#include "sweep/wave.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>

#include "record/recipe.h"
#include "sweep/alarms.h"
#include "sweep/checkpoints.h"
#include "sweep/lap_clock.h"
#include "sweep/outcome.h"
#include "sweep/post_training.h"
#include "sweep/save_clock.h"
#include "sweep/saved.h"
#include "train/checkpoint.h"
#include "train/schedule.h"

namespace vernier::sweep {

namespace {

constexpr auto kNoLimit = std::numeric_limits<std::int64_t>::max();

std::vector<std::string> of_active(const std::vector<std::string>& names, const std::vector<bool>& active) {
  std::vector<std::string> some;
  for (std::size_t m = 0; m < names.size(); ++m)
    if (active[m]) some.push_back(names[m]);
  return some;
}

/// The members in `active` alone, as they are saved.
Saved of_active(const Saved& all, const std::vector<bool>& active) {
  Saved some{{all.state.step, {}}, {}};
  for (std::size_t m = 0; m < active.size(); ++m) {
    if (!active[m]) continue;
    some.state.members.push_back(all.state.members[m]);
    some.seconds.push_back(all.seconds[m]);
  }
  return some;
}

/// Puts what `some` holds of the members in `active` into `all`.
void put_active(Saved some, const std::vector<bool>& active, Saved& all) {
  all.state.step = some.state.step;
  for (std::size_t m = 0, i = 0; m < active.size(); ++m) {
    if (!active[m]) continue;
    all.state.members[m] = std::move(some.state.members[i]);
    all.seconds[m] = some.seconds[i++];
  }
}

class Wave {
 public:
  Wave(Remainder rest, bool recompute, const Site& site)
      : rest_(std::move(rest)),
        site_(site),
        trainer_(spec_of(rest_.cohort, recompute), site.experiment.opened, site.machine.device, site.machine.threads),
        names_(trunk_names(rest_.cohort)),
        alarms_(rest_.cohort),
        saves_(site.save_every) {}

  Outcome operator()() {
    begin_trunk();
    for (std::size_t h = 0; h < rest_.cohort.horizons.size(); ++h) {
      if (count(rest_.at(h)) == 0) continue;
      follow_trunk(h);
      branch(h);
    }
    return outcome_;
  }

 private:
  /// A state on its way, and how it is trained and saved.
  struct Course {
    Saved& on;
    std::vector<bool> active;
    SavedPlace place;
    Alarms& alarms;
  };

  SavedPlace place(const std::string& what) const { return {states_folder(site_.store, rest_.cohort), what}; }

  /// The saved trunk where it has not yet passed a branch point that is still missing; else the beginning.
  void begin_trunk() {
    std::int64_t until = kNoLimit;
    for (std::size_t h = rest_.cohort.horizons.size(); h-- > 0;)
      if (count(rest_.at(h)) > 0) until = rest_.cohort.steps(h).leave;
    auto saved = load(place("trunk"), names_, until, site_.machine.device);
    if (!saved) {
      trunk_ = {trainer_.initial_state(), std::vector<double>(names_.size(), 0)};
      return;
    }
    trunk_ = std::move(*saved);
    for (std::size_t m = 0; m < names_.size(); ++m)
      if (charged_already(m)) trunk_.seconds[m] = 0;
    skip(trunk_.state.step, rest_.from(0));
  }

  /// Whether the run that left the trunk here, and took its seconds so far, is in the store.
  bool charged_already(std::size_t m) const {
    for (std::size_t h = 0; h < rest_.cohort.horizons.size(); ++h)
      if (rest_.cohort.steps(h).leave == trunk_.state.step && rest_.cohort.runs[m][h] && !rest_.wanted[m][h])
        return true;
    return false;
  }

  void skip(std::int64_t steps, const std::vector<bool>& active) {
    site_.progress.skipped(work_of_step(rest_.cohort) * static_cast<double>(steps * count(active)));
  }

  /// A full disk must not end a run that may well finish without this state.
  void keep(const Course& course) {
    saves_.timed([&] {
      try {
        save(course.place, of_active(names_, course.active), of_active(course.on, course.active));
      } catch (const Failure& problem) {
        site_.progress.make_way();
        spdlog::warn("{}; training goes on, and would continue from the state before if it were stopped",
                     problem.what());
      }
    });
  }

  void report(std::int64_t reached, std::int64_t member_steps) {
    const double steps = static_cast<double>(member_steps);
    const double tokens = steps * static_cast<double>(rest_.cohort.step_tokens());
    outcome_.tokens += member_steps * rest_.cohort.step_tokens();
    site_.progress.advanced(
        {reached, tokens, work_of_step(rest_.cohort) * steps,
         training_flops_per_token(architecture_of(rest_.cohort.recipe), rest_.cohort.shape).total() * tokens});
  }

  /// Whether a member is to be looked at: its curve ends with this step, and nobody has looked yet.
  static bool is_due(const train::MemberState& member, std::int64_t step) {
    return !member.diverged_at && !member.curve.empty() && member.curve.back().step == step &&
           !member.curve.back().cloze;
  }

  /// Held-out loss and tasks at this step, for the curve; what a state that was loaded brought along stays.
  void look(const Course& course) {
    train::CohortState& state = course.on.state;
    std::vector<bool> due = course.active;
    for (std::size_t m = 0; m < due.size(); ++m) due[m] = due[m] && is_due(state.members[m], state.step);
    if (count(due) == 0) return;
    const auto evaluations = trainer_.evaluate(state, due);
    for (std::size_t m = 0; m < due.size(); ++m)
      if (evaluations[m]) note_evaluation(*evaluations[m], state.members[m].curve.back());
    laps_.charge(course.on.seconds, due);
  }

  /// Trains to step `until` and looks at the steps of the form 4^i on the way. The end of a run is left to `branch`.
  void advance_looking(const Course& course, const train::CohortTrainer::Order& order) {
    const std::int64_t& step = course.on.state.step;
    const auto look_if_one = [&] {
      const bool ends = order.close_curve && step == order.until;
      if (!ends && next_look(rest_.cohort, step - 1) == step) look(course);
    };
    look_if_one();  // a state may have been saved before anybody looked
    do {
      train::CohortTrainer::Order part = order;
      part.until = std::min(order.until, next_look(rest_.cohort, step).value_or(order.until));
      part.close_curve = order.close_curve && part.until == order.until;
      advance(course, part);
      look_if_one();
    } while (step < order.until);
  }

  /// Trains to step `until`; a stop on the way saves the state and throws.
  void advance(const Course& course, train::CohortTrainer::Order order) {
    const std::int64_t members = count(course.active);
    order.active = course.active;
    order.advanced = [&](std::int64_t steps) {
      laps_.charge(course.on.seconds, course.active);
      report(course.on.state.step, members * steps);
      if (saves_.due()) keep(course);
    };
    order.seen = [&](std::size_t member, std::int64_t step, double loss, double norm) {
      const auto alarm = course.alarms.seen(member, step, loss, norm);
      if (!alarm) return;
      site_.progress.make_way();
      spdlog::warn(*alarm);
    };
    trainer_.advance(course.on.state, order, site_.stop);
    if (!site_.stop) return;
    keep(course);
    throw Interrupted("stopped; everything finished is kept, and the same command continues");
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
    if (trunk_.state.step == leave) return;
    const Course course{trunk_, rest_.from(h), place("trunk"), alarms_};
    advance_looking(course, {leave, rate_of(h), {}});
    keep(course);
  }

  /// A branch that was begun goes on where it was saved.
  Saved begun_branch(std::size_t h, const std::vector<bool>& active, const SavedPlace& saved_place) {
    const plan::Steps steps = rest_.cohort.steps(h);
    auto saved = load(saved_place, of_active(names_, active), steps.total, site_.machine.device);
    Saved cooled{trunk_.state, std::vector<double>(names_.size(), 0)};
    if (!saved || saved->state.step < steps.leave) {
      cooled.state = train::copy_of(trunk_.state, active);
      return cooled;
    }
    skip(saved->state.step - steps.leave, active);
    put_active(std::move(*saved), active, cooled);
    return cooled;
  }

  void close_curves(const Course& course) const {
    train::CohortState& state = course.on.state;
    for (std::size_t m = 0; m < names_.size(); ++m)
      if (course.active[m] && !state.members[m].diverged_at)
        train::close_curve(state.members[m], state.step, rest_.cohort.step_tokens());
  }

  /// The row is the branch's alone: the trunk that others leave later goes on without it.
  void look_before_cooling(const Course& course) {
    close_curves(course);
    look(course);
  }

  void branch(std::size_t h) {
    const plan::Steps steps = rest_.cohort.steps(h);
    const std::vector<bool> active = rest_.at(h);
    const SavedPlace saved_place = place(fmt::format("branch-{}", rest_.cohort.horizons[h]));
    laps_.begin();
    Saved cooled = begun_branch(h, active, saved_place);
    Alarms alarms = alarms_;
    const Course course{cooled, active, saved_place, alarms};
    if (rest_.cohort.cloze && cooled.state.step == steps.leave && steps.cooldown > 0) look_before_cooling(course);
    advance_looking(course, {steps.total, rate_of(h), {}, true});
    close_curves(course);  // a branch without steps has closed no row
    const auto evaluations = trainer_.evaluate(cooled.state, active);
    laps_.charge(cooled.seconds, active);
    for (std::size_t m = 0; m < names_.size(); ++m)
      if (active[m]) publish(m, h, cooled, evaluations[m]);
    forget(saved_place);
    laps_.begin();
  }

  void publish(std::size_t m, std::size_t h, const Saved& cooled, const std::optional<train::Evaluation>& evaluation) {
    const plan::NamedRun& run = *rest_.cohort.runs[m][h];
    const train::MemberState& member = cooled.state.members[m];
    const double seconds = std::exchange(trunk_.seconds[m], 0) + cooled.seconds[m];
    StoredRun stored = stored_run(run, member, evaluation, {site_.experiment, site_.machine, seconds});
    const train::CheckpointConfig config{run.spec.recipe, run.spec.shape, run.spec.numbers, run.spec.seed,
                                         run.spec.exact};
    if (!site_.stop)  // else the next call adds the rows
      stored.post_trained =
          missing_post_trained(site_.experiment, stored, train::checkpoint_of(config, member.weights_P), site_.machine);
    site_.store.publish(stored, [&](const std::filesystem::path& folder) {
      train::write_checkpoint(folder / "checkpoint", config, member.weights_P);
    });
    ++outcome_.trained;
    if (stored.record.status == "diverged") note_diverged(stored);
  }

  void note_diverged(const StoredRun& stored) {
    ++outcome_.diverged;
    site_.progress.make_way();
    spdlog::warn("run {} diverged at step {} (weights {}, seed {})", stored.id, *stored.record.diverged_at,
                 stored.spec.numbers.weights, stored.spec.seed);
  }

  Remainder rest_;
  const Site& site_;
  train::CohortTrainer trainer_;
  std::vector<std::string> names_;
  Alarms alarms_;
  SaveClock saves_;
  LapClock laps_;
  Saved trunk_;
  Outcome outcome_;
};

}  // namespace

std::filesystem::path states_folder(const store::Store& store, const plan::Cohort& cohort) {
  return store.path() / ".trunks" / cohort.name;
}

Outcome train_wave(Remainder wave, bool recompute, const Site& site) {
  return Wave(std::move(wave), recompute, site)();
}

}  // namespace vernier::sweep
