#include "sweep/executor.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>

#include "plan/grid.h"
#include "sweep/compression.h"
#include "sweep/post_training.h"
#include "sweep/saved.h"
#include "sweep/speed.h"
#include "sweep/wave.h"

namespace vernier::sweep {

namespace {

constexpr double kSecondsOfPeak = 0.15;

double work_of(const Remainder& rest) { return work_of_step(rest.cohort) * member_steps(rest); }

std::string describe(const plan::Cohort& cohort) {
  return fmt::format("depth {} width {}, {} members", cohort.shape.depth, cohort.shape.width, cohort.members.size());
}

/// What killed writers left of a cohort that this process holds.
void clean_up(const plan::Cohort& cohort, const store::Store& store, const store::Claim& claim) {
  std::vector<std::string> ids;
  for (const auto& runs : cohort.runs)
    for (const auto& run : runs)
      if (run) ids.push_back(run->id);
  store.remove_leftovers(ids, claim);
}

class Execution {
 public:
  Execution(const plan::Experiment& experiment, const store::Store& store, const Machine& machine,
            const std::atomic<bool>& stop, const ExecuteOptions& options)
      : cohorts_(plan::cohorts_of(plan::runs_of(experiment), experiment.corpus_digest)),
        compression_(plan::compression_of(experiment.compression, plan::runs_of(experiment))),
        progress_(work_ahead(store), [machine] { return matmul_peak(machine, kSecondsOfPeak); }),
        site_{experiment, store, machine, progress_, stop, options.save_every},
        options_(options),
        workplace_{machine, resources_of(machine), plan::SpeedBook(store.path(), name_of(machine))} {}

  Outcome operator()() {
    std::vector<const plan::Cohort*> open;
    for (const plan::Cohort& cohort : cohorts_) open.push_back(&cohort);
    for (bool waiting = false;; waiting = true) {
      std::erase_if(open, [&](const plan::Cohort* cohort) { return finish(*cohort); });
      if (open.empty()) return all_;
      if (!waiting) spdlog::info("waiting for another process that trains {} cohort(s) of this store", open.size());
      wait();
    }
  }

 private:
  double work_ahead(const store::Store& store) const {
    double work = 0;
    for (const plan::Cohort& cohort : cohorts_) work += work_of(remainder_of(cohort, store));
    return work;
  }

  /// False where another process is at work on the cohort.
  bool finish(const plan::Cohort& cohort) {
    const bool done = remainder_of(cohort, site_.store).empty() &&
                      !lacks_post_trained(site_.experiment, cohort, site_.store) &&
                      !lacks_compressed(compression_, cohort, site_.store) &&
                      !std::filesystem::exists(states_folder(site_.store, cohort));
    if (done) return true;
    const auto claim = site_.store.claim(cohort.name);
    if (!claim) return false;
    clean_up(cohort, site_.store, *claim);
    train(remainder_of(cohort, site_.store));  // what another process finished meanwhile is not repeated
    std::error_code ignored;                   // what stays is removed by the next call
    std::filesystem::remove_all(states_folder(site_.store, cohort), ignored);
    all_.post_trained += add_post_trained(site_.experiment, cohort, site_.store, site_.machine, site_.stop);
    all_.compressed += add_compressed(compression_, cohort, site_);
    return true;
  }

  void train(const Remainder& rest) {
    if (rest.empty()) return;
    progress_.doing(describe(rest.cohort), work_of(rest));
    const plan::Waves waves = chosen(rest);
    const auto begun = saved_names({states_folder(site_.store, rest.cohort), "trunk"});
    for (Remainder& wave : waves_of(rest, waves.members, begun)) {
      const Outcome one = train_wave(std::move(wave), waves.recompute, site_);
      all_.trained += one.trained;
      all_.diverged += one.diverged;
      all_.tokens += one.tokens;
    }
  }

  plan::Waves chosen(const Remainder& rest) {
    plan::Waves waves;
    waves.members = options_.members_at_once.value_or(0);
    if (options_.members_at_once) return waves;
    waves = chosen_waves(rest, site_.experiment.opened, workplace_);
    progress_.make_way();
    const auto level = waves.fits ? spdlog::level::info : spdlog::level::warn;
    spdlog::log(level, "depth {} width {}: {}", rest.cohort.shape.depth, rest.cohort.shape.width,
                plan::text_of(waves, static_cast<std::int64_t>(rest.cohort.members.size())));
    return waves;
  }

  void wait() const {
    for (int tenth = 0; tenth < 20 && !site_.stop; ++tenth) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (site_.stop) throw Interrupted("stopped while waiting for another process");
  }

  std::vector<plan::Cohort> cohorts_;
  std::optional<plan::Compression> compression_;
  Progress progress_;
  Site site_;
  ExecuteOptions options_;
  Workplace workplace_;
  Outcome all_;
};

}  // namespace

Outcome execute(const plan::Experiment& experiment, const store::Store& store, const Machine& machine,
                const std::atomic<bool>& stop, const ExecuteOptions& options) {
  return Execution(experiment, store, machine, stop, options)();
}

}  // namespace vernier::sweep
